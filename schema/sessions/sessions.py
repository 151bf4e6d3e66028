"""GraphQL types and root fields of sessions."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import strawberry

from core.clock import now
from models.accounts.roles import PermissionVerb, Resource
from models.sessions import sessions as table
from models.sessions.sessions import Reason, SessionState
from resolvers.paging.keyset import Sort
from resolvers.sessions import sessions as resolve
from schema.accounts.users import User
from schema.context import Info, as_graphql
from schema.data.datasessions import Datasession
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import DateTimeFilter, EnumFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import loaded_by
from schema.sessions.images import Image
from schema.sessions.regions import Region

graphql_enum(
    SessionState,
    "The state of a session.",
    {
        SessionState.QUEUED: "The session waits for capacity. See `queuePosition`.",
        SessionState.STARTING: "The container is starting and does not respond yet.",
        SessionState.RUNNING: "The container responds and can be used.",
        SessionState.STOPPING: "The container is being stopped.",
        SessionState.STOPPED: "The session was stopped on request.",
        SessionState.FAILED: "The session could not start, or its container exited. See `reason`.",
        SessionState.EXPIRED: "The maximum duration was reached.",
    },
)
graphql_enum(
    Reason,
    "The reason why a session ended.",
    {
        Reason.STOPPED_BY_CREATOR: "An authorized user stopped the session.",
        Reason.EXPIRED: "The maximum duration was reached.",
        Reason.IDLE: "The session was idle for longer than allowed.",
        Reason.IMAGE_GONE: "The image can no longer be used.",
        Reason.ENGINE_REFUSED: "The container engine refused to run the container.",
        Reason.ENGINE_UNREACHABLE: "The container engine did not respond in time.",
        Reason.NEVER_ANSWERED: "The workstation did not respond in time.",
        Reason.CONTAINER_EXITED: "The container exited. See `exitCode` and `logs`.",
        Reason.CONTAINER_LOST: "The container was removed outside of Carrel.",
        Reason.OUT_OF_MEMORY: "The container exceeded its memory limit.",
        Reason.JOB_FAILED: "Starting or stopping the session failed repeatedly because of an internal error. "
        "See `reason`.",
    },
)


@strawberry.type(description="The round-trip time to a region, measured at launch.")
class RegionPing:
    """The GraphQL type of a measured round-trip time."""

    region: str = public(description="The name of the region.")
    milliseconds: float = public(description="The round-trip time in milliseconds.")


@strawberry.type(description="A container that runs for one user for a limited time.")
class Session(Node):
    """The GraphQL type of a session."""

    model = table.Session
    pk: strawberry.Private[int]
    label: strawberry.Private[str]
    image_id: strawberry.Private[int]
    region_id: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    datasession_id: strawberry.Private[int | None]
    state: SessionState = public(description="The state.")
    reason_code: Reason | None = public(description="A code for why the session ended. Null while it has not ended.")
    reason: str = public(description="The reason why the session ended, as a sentence. Empty while it has not ended.")
    exit_code: int | None = public(description="The exit code of the process, if known.")
    maximum_seconds: int = public(description="The maximum duration in seconds, counted from the start.")
    created_at: datetime = public(description="The creation time.")
    starting_at: datetime | None = public(description="The time when the session left the queue.")
    running_at: datetime | None = public(description="The time when the container first responded.")
    ended_at: datetime | None = public(description="The end time.")
    last_active_at: datetime | None = public(
        description="The time of the last user activity, to the minute. Null if there was none."
    )
    expires_at: datetime = public(description="The time when the session expires. `sessionKeepAlive` extends it.")
    image: Image | None = requires(
        Resource.IMAGE, PermissionVerb.VIEW, description="The image of the session.", **loaded_by("image_id", "images")
    )
    region: Region | None = requires(
        Resource.REGION,
        PermissionVerb.VIEW,
        description="The region of the session.",
        **loaded_by("region_id", "regions"),
    )
    datasession: Datasession | None = requires(
        Resource.DATASESSION,
        PermissionVerb.VIEW,
        description="The data session that the container can read, if any.",
        **loaded_by("datasession_id", "datasessions"),
    )
    creator: User | None = requires(
        Resource.USER,
        PermissionVerb.VIEW,
        description="The creator. Null if the caller cannot see this user.",
        **loaded_by("creator_id", "users"),
    )

    @public(description="The round-trip times to regions that the client measured at launch.")
    def pings(self) -> list[RegionPing]:
        """Return the round-trip times in the given order."""
        row: table.Session = as_graphql(self)
        return [RegionPing(region=name, milliseconds=time) for name, time in (row.ping_times or {}).items()]

    @public(description="The seconds since the session left the queue, until its end or now.")
    def used_seconds(self) -> int:
        """Return whole seconds."""
        row: table.Session = as_graphql(self)
        return round(((row.ended_at or now()) - row.starting_at).total_seconds()) if row.starting_at else 0

    @public(description="The unique host name of the session.")
    def hostname(self, info: Info) -> str:
        """Return the host name."""
        return urlsplit(_origin(info, self.label)).hostname or ""

    @public(description="The URL of the workstation: the session's host and the image's initial path.")
    async def workstation_url(self, info: Info) -> str:
        """Return the URL."""
        image = await info.context.loaders.images.load(self.image_id)
        return f"{_origin(info, self.label)}/{image.initial_path if image else ''}"

    @public(description="The position in the queue, from 1. Null unless the session is queued.")
    async def queue_position(self, info: Info) -> int | None:
        """Return the queue position."""
        if self.state is not SessionState.QUEUED:
            return None
        return as_graphql(await info.context.loaders.queue_positions.load(self.pk))

    @public(description="The last output of the container, stored when it ends. Null if the caller may not read it.")
    def logs(self, info: Info) -> str | None:
        """Return the lines."""
        return resolve.readable_logs(info.context.caller, as_graphql(self))


def _origin(info: Info, label: str) -> str:
    return info.context.app_state.settings.session_address(label)


readers.register_rows("Session", resolve.reader)


@where_input("sessions")
class SessionWhere(Where):
    """Conditions."""

    state: EnumFilter[SessionState] | None = filter_by("Filter by state.")
    created_at: DateTimeFilter | None = filter_by("Filter by creation time.")


SESSIONS = ListDefinition(
    Session,
    SessionWhere,
    resolve.reader.rows,
    {"created_at": "The creation time.", "expires_at": "The expiry time."},
    Sort("id", descending=True),
    plural="sessions",
    default_text="newest first",
)
SessionId = Annotated[strawberry.ID, strawberry.argument(description="The session.")]


@strawberry.type(description="Queries for sessions.")
class SessionQueries:
    """Root fields."""

    sessions = SESSIONS.field(Resource.SESSION, description="The caller's sessions. Operators see all sessions.")
