"""Table of the history: every state transition, grant, sign-in and refusal, with its actor and cause."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts.roles import Resource

if TYPE_CHECKING:
    from models.accounts.users import User


class ActorKind(StrEnum):
    """The kind of an actor."""

    USER = "user"
    SESSION = "session"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


class HistoryEntry(Model):
    """An immutable entry about one object."""

    id = fields.BigIntField(primary_key=True)
    resource = fields.CharEnumField(Resource, max_length=32)
    object_id = fields.IntField()
    action = fields.CharField(max_length=64)
    from_state = fields.CharField(max_length=32, null=True)
    to_state = fields.CharField(max_length=32, null=True)
    actor_kind = fields.CharEnumField(ActorKind, max_length=16)
    actor: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="acts", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    cause = fields.CharField(max_length=500, default="")
    detail: dict[str, Any] = fields.JSONField(default=dict)
    at = fields.DatetimeField(default=now)
    once = fields.CharField(max_length=160, unique=True, null=True)
    """The key of an entry that is recorded at most once, as for refusals."""

    actor_id: int | None

    class Meta:
        table = "history_entry"
        indexes = (("resource", "object_id", "id"),)
