"""Results of operations. Equal operations share one result."""

from copy import copy
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypedDict

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.data.input_labels import InputNames, substitute_names_in_json


class ResultState(StrEnum):
    """The state of a result."""

    MAKING = "making"
    READY = "ready"
    RELEASED = "released"


class StoredFile(TypedDict):
    """One file of a result and its key in the object store."""

    name: str
    index: int
    kind: str
    content_type: str
    size: int
    sha256: str
    storage_key: str


class Result(Model):
    """The files and numbers of one computation.

    Input files appear as labels, never as names (`models.data.input_labels`). `key` is equal for equal code, inputs
    and bytes. `slot` is the claim on the key. It equals `key` while the result is computed or kept, and is unique, so
    equal work is done once. It is null after the last operation released the result; the next request computes it
    again. Rows from before migration 0006 contain names; their slot combines key and names and never equals a key.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(max_length=64, db_index=True)
    slot = fields.CharField(max_length=64, unique=True, null=True)
    state = fields.CharEnumField(ResultState, max_length=16, default=ResultState.MAKING)
    maker = fields.IntField()
    """The id of the operation that computes it. Other operations with the same key wait for it."""
    files: list[StoredFile] = fields.JSONField(default=list)
    data: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField(default=now)
    ready_at = fields.DatetimeField(null=True)

    input_names: InputNames = MappingProxyType({})
    """File name by label, of the operation that it is read for. Not a column; empty unless set by a reader."""

    class Meta:
        table = "result"
        indexes = (("state", "id"),)

    def with_input_names(self, names: InputNames) -> "Result":
        """Return a copy for reading with these file names."""
        result = copy(self)
        result.input_names = names
        return result

    @property
    def data_with_names(self) -> Any:
        """The numeric results with labels replaced by `input_names`."""
        return substitute_names_in_json(self.data, self.input_names)
