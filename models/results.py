"""Results: what operations computed, kept once however many operations have it."""

from enum import StrEnum
from typing import Any, TypedDict

from tortoise import fields
from tortoise.models import Model

from core.clock import now


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

    `key` is the same for equal science, `slot` for equal science on files of equal names; the slot is given up when the
    last operation lets go of the result, so that it is computed anew when somebody asks again.
    """

    id = fields.IntField(primary_key=True)
    key = fields.CharField(max_length=64, db_index=True)
    slot = fields.CharField(max_length=64, unique=True, null=True)
    state = fields.CharEnumField(ResultState, max_length=16, default=ResultState.MAKING)
    maker = fields.IntField()
    """The operation that computes it, others with the same slot wait for it."""
    files: list[StoredFile] = fields.JSONField(default=list)
    data: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField(default=now)
    ready_at = fields.DatetimeField(null=True)

    class Meta:
        table = "result"
        indexes = (("state", "id"),)
