"""Data operations: computations on the files of a data session. Workers claim them by lease and fence."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.data.input_labels import substitute_names
from models.permissions.resources import Resource
from models.state_machine import StateMachine

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.data.datasessions import Datasession
    from models.data.results import Result


class DataOperationState(StrEnum):
    """The state of a data operation."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


PENDING = frozenset({DataOperationState.QUEUED, DataOperationState.RUNNING, DataOperationState.CANCELLING})
TERMINAL_STATES = frozenset(DataOperationState) - PENDING
TRANSITIONS: dict[DataOperationState, frozenset[DataOperationState]] = {
    DataOperationState.QUEUED: frozenset(
        {DataOperationState.RUNNING, DataOperationState.CANCELLED, DataOperationState.FAILED}
    ),
    DataOperationState.RUNNING: frozenset(
        {
            DataOperationState.QUEUED,
            DataOperationState.CANCELLING,
            DataOperationState.SUCCEEDED,
            DataOperationState.FAILED,
        }
    ),
    DataOperationState.CANCELLING: frozenset({DataOperationState.CANCELLED}),
    DataOperationState.CANCELLED: frozenset({DataOperationState.QUEUED}),
    DataOperationState.SUCCEEDED: frozenset({DataOperationState.QUEUED, DataOperationState.EXPIRED}),
    DataOperationState.FAILED: frozenset({DataOperationState.QUEUED}),
    DataOperationState.EXPIRED: frozenset({DataOperationState.QUEUED}),
}


class DataOperation(Model):
    """One computation: its inputs, its progress and its result."""

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
    """Contains labels instead of file names, because operations that share the result copy the warnings."""
    result: fields.ForeignKeyNullableRelation["Result"] = fields.ForeignKeyField(
        "models.Result", related_name="operations", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    result_key = fields.CharField(max_length=64, null=True)
    input_names: dict[str, str] = fields.JSONField(default=dict, db_default="{}")
    """File name by label. Names replace the labels when the warnings and the result's data are read."""
    awaited = fields.IntField(null=True)
    """The id of a result that an equal operation is computing and this operation waits for."""
    estimated_bytes = fields.BigIntField(null=True)
    estimated_seconds = fields.FloatField(null=True)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    """The time of the next attempt; null if it can start at once."""
    lease_until = fields.DatetimeField(null=True)
    fence = fields.IntField(default=0)
    created_at = fields.DatetimeField(default=now)
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    datasession_id: int
    creator_id: int
    result_id: int | None
    states: ClassVar["StateMachine[DataOperation, DataOperationState]"] = StateMachine(
        resource=Resource.DATA_OPERATION,
        noun="operation",
        transitions=TRANSITIONS,
        topics=lambda operation, _: [operation.topic, f"datasession:{operation.datasession_id}"],
    )

    class Meta:
        table = "data_operation"
        indexes = (("state", "lease_until"), ("datasession_id", "id"))

    @property
    def warnings_with_names(self) -> list[str]:
        """The warnings with labels replaced by file names."""
        return [substitute_names(warning, self.input_names) for warning in self.warnings]

    @property
    def topic(self) -> str:
        """The event topic of this operation."""
        return f"operation:{self.id}"


class OperationDependency(Model):
    """One operation reads an output of another, older one. The age order excludes cycles."""

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
