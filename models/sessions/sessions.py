"""Sessions: one person working in one container for a while."""

from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from core.clock import now

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.data.datasessions import Datasession
    from models.sessions.images import Image
    from models.sessions.regions import Region


class SessionState(StrEnum):
    """Where a session stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why a session ended, for programs; the sentence beside it is for people."""

    STOPPED_BY_CREATOR = "stopped_by_creator"
    EXPIRED = "expired"
    IDLE = "idle"
    IMAGE_GONE = "image_gone"
    ENGINE_REFUSED = "engine_refused"
    ENGINE_UNREACHABLE = "engine_unreachable"
    NEVER_ANSWERED = "never_answered"
    CONTAINER_EXITED = "container_exited"
    CONTAINER_LOST = "container_lost"
    OUT_OF_MEMORY = "out_of_memory"
    JOB_FAILED = "job_failed"


_S = SessionState
ENDINGS = frozenset({_S.STOPPED, _S.FAILED, _S.EXPIRED})
LIVE = frozenset(SessionState) - ENDINGS
OCCUPYING = frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING})
MOVES: dict[SessionState, frozenset[SessionState]] = {
    _S.QUEUED: frozenset({_S.STARTING, _S.STOPPED, _S.EXPIRED, _S.FAILED}),
    _S.STARTING: frozenset({_S.QUEUED, _S.RUNNING, _S.STOPPING, _S.FAILED}),
    _S.RUNNING: frozenset({_S.STOPPING, _S.FAILED}),
    _S.STOPPING: ENDINGS,
    _S.STOPPED: frozenset(),
    _S.FAILED: frozenset(),
    _S.EXPIRED: frozenset(),
}


LINE_TOPIC = "line:"


def line_topic(region_id: int) -> str:
    """Return the name under which is told that somebody left a region's waiting line, or came back into it."""
    return f"{LINE_TOPIC}{region_id}"


class Session(Model):
    """A container lent to its creator until it is stopped, fails, or its time is over."""

    id = fields.IntField(primary_key=True)
    image: fields.ForeignKeyRelation["Image"] = fields.ForeignKeyField(
        "models.Image", related_name="sessions", on_delete=fields.RESTRICT, db_index=True
    )
    region: fields.ForeignKeyRelation["Region"] = fields.ForeignKeyField(
        "models.Region", related_name="sessions", on_delete=fields.RESTRICT, db_index=True
    )
    creator: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="sessions", on_delete=fields.RESTRICT, db_index=True
    )
    datasession: fields.ForeignKeyNullableRelation["Datasession"] = fields.ForeignKeyField(
        "models.Datasession", related_name="sessions", null=True, on_delete=fields.SET_NULL, db_index=True
    )
    state = fields.CharEnumField(SessionState, max_length=16, default=SessionState.QUEUED)
    label = fields.CharField(max_length=63, unique=True)
    active_key = fields.CharField(max_length=64, unique=True, null=True)
    maximum_seconds = fields.IntField()
    environment: dict[str, str] = fields.JSONField(default=dict)
    ping_times: dict[str, float] | None = fields.JSONField(null=True)
    outcome = fields.CharEnumField(SessionState, max_length=16, null=True)
    reason_code = fields.CharEnumField(Reason, max_length=32, null=True)
    reason = fields.TextField(default="")
    exit_code = fields.IntField(null=True)
    logs = fields.TextField(default="")
    host = fields.CharField(max_length=255, null=True)
    http_port = fields.IntField(null=True)
    websocket_port = fields.IntField(null=True)
    lease_until = fields.DatetimeField(null=True)
    fence = fields.IntField(default=0)
    created_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField()
    starting_at = fields.DatetimeField(null=True)
    running_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    last_active_at = fields.DatetimeField(null=True)

    image_id: int
    region_id: int
    creator_id: int
    datasession_id: int | None

    class Meta:
        table = "session"
        indexes = (("region_id", "state", "id"), ("state", "expires_at"))

    @property
    def topic(self) -> str:
        """The name under which this session's changes are told."""
        return f"session:{self.id}"
