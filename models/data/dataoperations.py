"""Data operations: computations on the files of a data session, as rows that are worked off."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.data.input_labels import named

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.data.datasessions import Datasession
    from models.data.results import Result


class DataOperationState(StrEnum):
    """Where a data operation stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


_S = DataOperationState
PENDING = frozenset({_S.QUEUED, _S.RUNNING, _S.CANCELLING})
ENDINGS = frozenset(DataOperationState) - PENDING
MOVES: dict[DataOperationState, frozenset[DataOperationState]] = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.CANCELLED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.QUEUED, _S.CANCELLING, _S.SUCCEEDED, _S.FAILED}),
    _S.CANCELLING: frozenset({_S.CANCELLED}),
    _S.CANCELLED: frozenset({_S.QUEUED}),
    _S.SUCCEEDED: frozenset({_S.QUEUED, _S.EXPIRED}),
    _S.FAILED: frozenset({_S.QUEUED}),
    _S.EXPIRED: frozenset({_S.QUEUED}),
}


class DataOperation(Model):
    """One computation: what is computed of what, how far it is, and what came of it."""

    id = fields.IntField(primary_key=True)
    datasession: fields.ForeignKeyRelation["Datasession"] = fields.ForeignKeyField(
        "models.Datasession", related_name="operations", on_delete=fields.CASCADE, db_index=True
    )
    creator: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="data_operations", on_delete=fields.RESTRICT, db_index=True
    )
    name = fields.CharField(max_length=128)
    code_version = fields.CharField(max_length=32)
    inputs: dict[str, Any] = fields.JSONField(default=dict)
    state = fields.CharEnumField(DataOperationState, max_length=16, default=DataOperationState.QUEUED)
    phase = fields.CharField(max_length=64, default="")
    fraction = fields.FloatField(default=0.0)
    message = fields.CharField(max_length=1000, default="")
    log = fields.TextField(default="")
    warnings: list[str] = fields.JSONField(default=list)
    """With labels in the place of names, as whoever shares its result takes them over."""
    result: fields.ForeignKeyNullableRelation["Result"] = fields.ForeignKeyField(
        "models.Result", related_name="operations", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    result_key = fields.CharField(max_length=64, null=True)
    input_names: dict[str, str] = fields.JSONField(default=dict, db_default="{}")
    """What its files are called, by label; put in the place of labels wherever its warnings and its table are read."""
    awaited = fields.IntField(null=True)
    """The result of an equal operation that it waits for while that one computes it."""
    estimated_bytes = fields.BigIntField(null=True)
    estimated_seconds = fields.FloatField(null=True)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    """When it is to be tried again, null when nothing holds it back."""
    lease_until = fields.DatetimeField(null=True)
    fence = fields.IntField(default=0)
    created_at = fields.DatetimeField(default=now)
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    datasession_id: int
    creator_id: int
    result_id: int | None

    class Meta:
        table = "data_operation"
        indexes = (("state", "lease_until"), ("datasession_id", "id"))

    @property
    def named_warnings(self) -> list[str]:
        """The warnings with the names of the operation's own files."""
        return [named(warning, self.input_names) for warning in self.warnings]

    @property
    def topic(self) -> str:
        """The name under which this operation's changes are told."""
        return f"operation:{self.id}"


class Need(Model):
    """An operation reads an output of another one, which was asked for before it, so that there are no circles."""

    id = fields.IntField(primary_key=True)
    operation: fields.ForeignKeyRelation["DataOperation"] = fields.ForeignKeyField(
        "models.DataOperation", related_name="needs", on_delete=fields.CASCADE, db_index=True
    )
    needed: fields.ForeignKeyRelation["DataOperation"] = fields.ForeignKeyField(
        "models.DataOperation", related_name="dependents", on_delete=fields.CASCADE, db_index=True
    )

    operation_id: int
    needed_id: int

    class Meta:
        table = "data_operation_need"
        unique_together = (("operation_id", "needed_id"),)
