"""Sessions: one container for one user, with a limited lifetime."""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.permissions.resources import Resource
from models.state_machine import StateMachine

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.data.datasessions import Datasession
    from models.sessions.images import Image
    from models.sessions.regions import Region


class SessionState(StrEnum):
    """The state of a session."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    EXPIRED = "expired"


class Reason(StrEnum):
    """The machine-readable reason why a session ended; `Session.reason` is the sentence for users."""

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


TERMINAL_STATES = frozenset({SessionState.STOPPED, SessionState.FAILED, SessionState.EXPIRED})
LIVE = frozenset(SessionState) - TERMINAL_STATES
OCCUPYING = frozenset({SessionState.STARTING, SessionState.RUNNING, SessionState.STOPPING})
TRANSITIONS: dict[SessionState, frozenset[SessionState]] = {
    SessionState.QUEUED: frozenset(
        {SessionState.STARTING, SessionState.STOPPED, SessionState.EXPIRED, SessionState.FAILED}
    ),
    SessionState.STARTING: frozenset(
        {SessionState.QUEUED, SessionState.RUNNING, SessionState.STOPPING, SessionState.FAILED}
    ),
    SessionState.RUNNING: frozenset({SessionState.STOPPING, SessionState.FAILED}),
    SessionState.STOPPING: TERMINAL_STATES,
    SessionState.STOPPED: frozenset(),
    SessionState.FAILED: frozenset(),
    SessionState.EXPIRED: frozenset(),
}


QUEUE_TOPIC_PREFIX = "line:"


def queue_topic(region_id: int) -> str:
    """Return the event topic of a region's session queue."""
    return f"{QUEUE_TOPIC_PREFIX}{region_id}"


def _topics(session: "Session", to: SessionState) -> list[str]:
    topics = [session.topic, f"sessions-of:{session.creator_id}"]
    if SessionState.QUEUED in (session.state, to):
        topics.append(queue_topic(session.region_id))
    return topics


def _columns(to: SessionState) -> dict[str, None]:
    # A session that ends makes room for another one of the same user, image and region.
    return {"active_key": None} if to is SessionState.STOPPING or to in TERMINAL_STATES else {}


class Session(Model):
    """A container that runs for its creator until it is stopped, fails or expires."""

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
    states: ClassVar["StateMachine[Session, SessionState]"] = StateMachine(
        resource=Resource.SESSION,
        noun="session",
        transitions=TRANSITIONS,
        topics=_topics,
        columns=_columns,
        container_column="session_id",
    )

    class Meta:
        table = "session"
        indexes = (("region_id", "state", "id"), ("state", "expires_at"))

    @property
    def topic(self) -> str:
        """The event topic of this session."""
        return f"session:{self.id}"
