"""Sessions as clients see them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import strawberry
from tortoise.expressions import Q

from core.clock import now
from models.accounts.roles import Operation, Resource
from models.policies.sessions import sessions as policy
from models.sessions import sessions as table
from models.sessions.sessions import Reason, SessionState
from resolvers.paging.keyset import Sort, Window
from schema.accounts.users import User
from schema.context import Context, Info, shown
from schema.data.datasessions import Datasession
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sorts
from schema.graphql.enums import expose
from schema.graphql.filters import DateTimeFilter, EnumFilter, combined, every
from schema.graphql.node import Node, readers
from schema.graphql.permissions import public, requires
from schema.graphql.relations import by
from schema.sessions.images import Image
from schema.sessions.regions import Region

expose(
    SessionState,
    "Where a session stands.",
    {
        SessionState.QUEUED: "It waits for a place; `queuePosition` says where in line.",
        SessionState.STARTING: "Its container is made and does not answer yet.",
        SessionState.RUNNING: "Its container answers; its creator can work.",
        SessionState.STOPPING: "Its container is being ended.",
        SessionState.STOPPED: "It was stopped on request.",
        SessionState.FAILED: "It could not start, or its container ended by itself; `reason` says why.",
        SessionState.EXPIRED: "Its maximum duration was reached.",
    },
)
expose(
    Reason,
    "Why a session ended.",
    {
        Reason.STOPPED_BY_CREATOR: "Somebody who may asked for it.",
        Reason.EXPIRED: "Its maximum duration was reached.",
        Reason.IDLE: "Nobody used it for as long as the house allows.",
        Reason.IMAGE_GONE: "Its image cannot be used any more.",
        Reason.ENGINE_REFUSED: "The container engine refused to run it.",
        Reason.ENGINE_UNREACHABLE: "The container engine did not answer in time.",
        Reason.NEVER_ANSWERED: "The workstation did not answer in time.",
        Reason.CONTAINER_EXITED: "The container ended by itself; see `exitCode` and `logs`.",
        Reason.CONTAINER_LOST: "The container was removed from outside.",
        Reason.OUT_OF_MEMORY: "The container used more memory than it may.",
        Reason.JOB_FAILED: "Starting or ending it failed again and again for a reason of ours; the sentence tells.",
    },
)


@strawberry.type(description="How far a region was from somebody.")
class RegionPing:
    """Shows one measurement."""

    region: str = public(description="The region's name.")
    milliseconds: float = public(description="A round trip to it and back, in milliseconds.")


@strawberry.type(description="A container lent to one person for a while.")
class Session(Node):
    """Shows a session."""

    model = table.Session
    pk: strawberry.Private[int]
    label: strawberry.Private[str]
    image_id: strawberry.Private[int]
    region_id: strawberry.Private[int]
    creator_id: strawberry.Private[int]
    datasession_id: strawberry.Private[int | None]
    state: SessionState = public(description="Where it stands.")
    reason_code: Reason | None = public(description="Why it ended, for programs; null while it has not.")
    reason: str = public(description="Why it ended, as one sentence; empty while it has not.")
    exit_code: int | None = public(description="What its process ended with, where that is known.")
    maximum_seconds: int = public(description="How long it may live from its start, in seconds.")
    created_at: datetime = public(description="When it was asked for.")
    starting_at: datetime | None = public(description="When it got a place.")
    running_at: datetime | None = public(description="When it first answered.")
    ended_at: datetime | None = public(description="When it ended.")
    last_active_at: datetime | None = public(
        description="When somebody last worked in it, to the minute; null when nobody has since it runs."
    )
    expires_at: datetime = public(description="When it ends at the latest; `sessionKeepAlive` puts it off.")
    image: Image | None = requires(
        Resource.IMAGE, Operation.VIEW, description="The image that it runs.", **by("image_id", "images")
    )
    region: Region | None = requires(
        Resource.REGION, Operation.VIEW, description="Where it runs.", **by("region_id", "regions")
    )
    datasession: Datasession | None = requires(
        Resource.DATASESSION,
        Operation.VIEW,
        description="The data session that its container may read, if any.",
        **by("datasession_id", "datasessions"),
    )
    creator: User | None = requires(
        Resource.USER,
        Operation.VIEW,
        description="Whose it is; null when the caller may not know of them.",
        **by("creator_id", "users"),
    )

    @public(description="The round trips to regions that its launcher measured, by region.")
    def pings(self) -> list[RegionPing]:
        """Return them in the order in which they were given."""
        row: table.Session = shown(self)
        return [RegionPing(region=name, milliseconds=time) for name, time in (row.ping_times or {}).items()]

    @public(description="How long it has held a place, in seconds: from its start until its end, or until now.")
    def used_seconds(self) -> int:
        """Return whole seconds."""
        row: table.Session = shown(self)
        return round(((row.ended_at or now()) - row.starting_at).total_seconds()) if row.starting_at else 0

    @public(description="The host name that is this session's alone.")
    def hostname(self, info: Info) -> str:
        """Return the host."""
        return urlsplit(_origin(info, self.label)).hostname or ""

    @public(description="Where its creator works in it: the session's host and the image's initial path.")
    async def workstation_url(self, info: Info) -> str:
        """Return the address."""
        image = await info.context.loaders.images.load(self.image_id)
        return f"{_origin(info, self.label)}/{image.initial_path if image else ''}"

    @public(description="Its place in the waiting line, from 1; null unless it is queued.")
    async def queue_position(self, info: Info) -> int | None:
        """Return the place."""
        if self.state is not SessionState.QUEUED:
            return None
        return shown(await info.context.loaders.queue_positions.load(self.pk))

    @public(description="The last lines that its container printed, kept when it ends; only for those who may read.")
    def logs(self, info: Info) -> str | None:
        """Return the lines."""
        row: table.Session = shown(self)
        return row.logs if policy.can_see_logs(info.context.caller, row) is True else None


def _origin(info: Info, label: str) -> str:
    return info.context.home.settings.session_address(label)


@readers.register("Session")
async def _read(context: Context, pks: Sequence[int]) -> dict[int, table.Session]:
    return {row.id: row for row in await policy.readable(context.caller).filter(id__in=list(pks))}


class SessionColumn(StrEnum):
    """Columns that sessions can be sorted by."""

    CREATED_AT = "created_at"
    EXPIRES_AT = "expires_at"


expose(
    SessionColumn,
    "What sessions can be sorted by.",
    {SessionColumn.CREATED_AT: "When it was asked for.", SessionColumn.EXPIRES_AT: "When it ends at the latest."},
)


@strawberry.input(description="One sort key of sessions.")
class SessionOrder:
    """A column and a direction."""

    field: SessionColumn = strawberry.field(description="The column.")
    direction: Direction = strawberry.field(description="Its direction.", default=Direction.DESC)


@strawberry.input(description="Conditions on sessions; all must hold.")
class SessionWhere:
    """Conditions."""

    state: EnumFilter[SessionState] | None = strawberry.field(description="On the state.", default=None)
    created_at: DateTimeFilter | None = strawberry.field(description="On when it was asked for.", default=None)
    and_: list["SessionWhere"] | None = strawberry.field(name="AND", description="All of these as well.", default=None)
    or_: list["SessionWhere"] | None = strawberry.field(name="OR", description="At least one of these.", default=None)
    not_: "SessionWhere | None" = strawberry.field(name="NOT", description="And not this.", default=None)


def _own(where: SessionWhere) -> Q:
    return every(
        where.state.condition("state") if where.state else Q(),
        where.created_at.condition("created_at") if where.created_at else Q(),
    )


SessionId = Annotated[strawberry.ID, strawberry.argument(description="The session.")]
Where = Annotated[SessionWhere | None, strawberry.argument(description="Only those for which all of this holds.")]
OrderBy = Annotated[list[SessionOrder] | None, strawberry.argument(description="The order; newest first if not said.")]


@strawberry.type(description="Reads of sessions.")
class SessionQueries:
    """Root fields."""

    @requires(Resource.SESSION, Operation.VIEW, description="The caller's sessions; all of them for operators.")
    async def sessions(
        self,
        info: Info,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Session] | None:
        """Return one page."""
        rows = policy.readable(info.context.caller).filter(combined(where, _own))
        return await connect(rows, sorts(order_by, Sort("id", descending=True)), Window(first, after, last, before))
