"""Results: what operations computed, kept once however many operations have it."""

from copy import copy
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypedDict

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.data.input_labels import Names, named_table


class ResultState(StrEnum):
    """Where a result stands."""

    MAKING = "making"
    READY = "ready"
    RELEASED = "released"


class StoredFile(TypedDict):
    """One file of a result, and where it lies in the storage."""

    name: str
    index: int
    kind: str
    content_type: str
    size: int
    sha256: str
    storage_key: str


class Result(Model):
    """The files and numbers of one computation.

    Input files appear as labels, never as names (`models.data.input_labels`). `key` is equal for equal science on
    equal bytes. `slot` is the claim on it: the key while the result is made and kept, unique, so that equal work is
    done once; null after the last operation let go of it, so that it is computed again at the next request. Rows made
    before migration 0006 contain names and have a slot of key and names, which is no key.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(max_length=64, db_index=True)
    slot = fields.CharField(max_length=64, unique=True, null=True)
    state = fields.CharEnumField(ResultState, max_length=16, default=ResultState.MAKING)
    maker = fields.IntField()
    """The operation that computes it; others with the same key wait for it."""
    files: list[StoredFile] = fields.JSONField(default=list)
    data: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField(default=now)
    ready_at = fields.DatetimeField(null=True)

    input_names: Names = MappingProxyType({})
    """What the operation that it is read for calls its files; no column, and nothing where it is read for none."""

    class Meta:
        table = "result"
        indexes = (("state", "id"),)

    def called(self, names: Names) -> "Result":
        """Return the result as it is read for an operation that calls its files so."""
        found = copy(self)
        found.input_names = names
        return found

    @property
    def named_data(self) -> Any:
        """The table with the names of the files of the operation that it is read for."""
        return named_table(self.data, self.input_names)
