"""Sessions are launched, entered and stopped."""

from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource
from models.sessions import sessions as table
from resolvers.sessions import sessions as resolve
from schema.context import Info, shown
from schema.graphql.errors import Payload, reported
from schema.graphql.idempotent_mutations import replayed
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session, SessionId


@strawberry.input(description="An environment variable.")
class EnvironmentVariableInput:
    """A name and a value."""

    name: str = strawberry.field(description="Capitals, digits and underscores; `CARREL_…` is ours.")
    value: str = strawberry.field(description="At most 4096 characters.")


@strawberry.input(description="How far a region is from the caller.")
class RegionPingInput:
    """One measurement."""

    region: str = strawberry.field(description="The region's name.")
    milliseconds: float = strawberry.field(description="A round trip to its `pingUrl` and back, up to 60000.")


@strawberry.input(description="How a session is launched.")
class SessionLaunchInput:
    """What sessionLaunch takes."""

    image_id: strawberry.ID | None = strawberry.field(
        description="Another image of the workstation than its active one.", default=None
    )
    region: str | None = strawberry.field(
        description="Where; the nearest of `pings`, or the first region, if not said.", default=None
    )
    seconds: int | None = strawberry.field(
        description="How long it may live, from 60; one hour if not said.", default=None
    )
    pings: list[RegionPingInput] = strawberry.field(
        description="How far regions are, at most 64; without `region`, the nearest of them is taken.",
        default_factory=list,
    )
    datasession_id: strawberry.ID | None = strawberry.field(
        description="A data session that its container may read, as `CARREL_DATASESSION` names it.", default=None
    )
    environment: list[EnvironmentVariableInput] = strawberry.field(
        description="Variables for the container, at most 32.", default_factory=list
    )


@strawberry.type(description="The answer to sessionLaunch.")
class SessionLaunchPayload(Payload):
    """A session."""

    session: Session | None = public(description="The session.", default=None)
    is_new: bool | None = public(
        description="Whether it was launched now; false when the caller's live session of this image was returned.",
        default=None,
    )


@strawberry.type(description="The answer to sessionStop.")
class SessionStopPayload(Payload):
    """A session."""

    session: Session | None = public(description="The session as it is now.", default=None)


@strawberry.type(description="The answer to sessionOpen.")
class SessionOpenPayload(Payload):
    """A session and the way in."""

    session: Session | None = public(description="The session.", default=None)
    url: str | None = public(description="Opens the session once, within 30 seconds; it is a secret.", default=None)


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]


def _lent(text: strawberry.ID | None) -> int | None:
    return decode_as("Datasession", text, path=("datasessionId",)) if text else None


def _is_new(_info: Info, _row: table.Session, is_new: bool) -> dict[str, bool]:
    return {"is_new": is_new}


@strawberry.type(description="Changes of sessions.")
class SessionMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        Operation.CREATE,
        description="Launch a session; while one of the same image and region lives, get it. Takes `@idempotent`.",
    )
    @reported(SessionLaunchPayload)
    @replayed(SessionLaunchPayload, "session", _is_new)
    async def session_launch(
        self,
        info: Info,
        workstation_id: WorkstationId,
        input: Annotated[SessionLaunchInput | None, strawberry.argument(description="How.")] = None,
    ) -> SessionLaunchPayload | None:
        """Launch a session."""
        wish = input or SessionLaunchInput()
        session, is_new = await resolve.launch(
            info.context.home,
            info.context.caller,
            decode_as("Workstation", workstation_id, path=("workstationId",)),
            image_id=decode_as("Image", wish.image_id, path=("imageId",)) if wish.image_id else None,
            region=wish.region,
            seconds=wish.seconds,
            pings={ping.region: ping.milliseconds for ping in wish.pings},
            datasession_id=_lent(wish.datasession_id),
            environment={variable.name: variable.value for variable in wish.environment},
        )
        return SessionLaunchPayload(session=shown(session), is_new=is_new)

    @requires(Resource.SESSION, Operation.EDIT, description="Stop a session; harmless when it is ending already.")
    @reported(SessionStopPayload)
    async def session_stop(self, info: Info, id: SessionId) -> SessionStopPayload | None:
        """Stop a session."""
        session = await resolve.stop(info.context.caller, decode_as("Session", id))
        return SessionStopPayload(session=shown(session))

    @requires(Resource.SESSION, Operation.VIEW, description="Get an address that enters a session, for its creator.")
    @reported(SessionOpenPayload)
    async def session_open(self, info: Info, id: SessionId) -> SessionOpenPayload | None:
        """Mint a ticket."""
        session, url = await resolve.open_address(info.context.home, info.context.caller, decode_as("Session", id))
        return SessionOpenPayload(session=shown(session), url=url)
