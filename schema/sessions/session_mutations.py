"""Mutations that launch, stop, open and extend sessions."""

from typing import Annotated

import strawberry

from core.errors import NotFound
from models.accounts.roles import PermissionVerb, Resource
from models.services.sessions.regions import MAX_PING_MILLISECONDS, MAX_PINGS
from models.services.sessions.session_access import TICKET_SECONDS
from models.services.sessions.sessions import MAX_VALUE_LENGTH, MAX_VARIABLES, MIN_SECONDS
from models.sessions import sessions as table
from resolvers.sessions import sessions as resolve
from schema.context import Info, as_graphql
from schema.execution.query_cost import Cost
from schema.graphql.bulk import MAX_ROWS, ErrorPolicy, Policy, distinct_batch
from schema.graphql.errors import Payload, UserError, errors_in_payload, user_error
from schema.graphql.idempotency import idempotent_mutation
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session, SessionId

KEEP_ALIVE_SECONDS = 300


@strawberry.input(description="An environment variable.")
class EnvironmentVariableInput:
    """A name and a value."""

    name: str = strawberry.field(
        description="Capital letters, digits and underscores. Names that start with `CARREL_` are reserved."
    )
    value: str = strawberry.field(description=f"The value, at most {MAX_VALUE_LENGTH} characters.")


@strawberry.input(description="The measured round-trip time to a region.")
class RegionPingInput:
    """One measured round-trip time."""

    region: str = strawberry.field(description="The name of the region.")
    milliseconds: float = strawberry.field(
        description=f"The round-trip time to its `pingUrl` in milliseconds, at most {MAX_PING_MILLISECONDS:.0f}."
    )


@strawberry.input(description="The options of sessionLaunch.")
class SessionLaunchInput:
    """The input of sessionLaunch."""

    image_id: strawberry.ID | None = strawberry.field(
        description="An image of the workstation. The default is the active image.", default=None
    )
    region: str | None = strawberry.field(
        description="The region. The default is the nearest of `pings`, or else the first region.", default=None
    )
    seconds: int | None = strawberry.field(
        description=f"The maximum duration in seconds, at least {MIN_SECONDS}. The installation sets the default.",
        default=None,
    )
    pings: list[RegionPingInput] = strawberry.field(
        description=f"The measured round-trip times of at most {MAX_PINGS} regions. "
        "Without `region`, the nearest region is used.",
        default_factory=list,
    )
    datasession_id: strawberry.ID | None = strawberry.field(
        description="A data session that the container can read. Its ID is in the variable `CARREL_DATASESSION`.",
        default=None,
    )
    environment: list[EnvironmentVariableInput] = strawberry.field(
        description=f"Environment variables of the container, at most {MAX_VARIABLES}.", default_factory=list
    )


@strawberry.type(description="The payload of sessionLaunch.")
class SessionLaunchPayload(Payload):
    """A session."""

    session: Session | None = public(description="The session.", default=None)
    is_new: bool | None = public(
        description="Whether a new session was launched. "
        "False if the caller's live session of this image was returned.",
        default=None,
    )


@strawberry.type(description="The payload of sessionStop.")
class SessionStopPayload(Payload):
    """A session."""

    session: Session | None = public(description="The current session.", default=None)


@strawberry.type(description="The payload of sessionOpen.")
class SessionOpenPayload(Payload):
    """A session with its one-time URL."""

    session: Session | None = public(description="The session.", default=None)
    url: str | None = public(
        description=f"The URL that opens the session once, within {TICKET_SECONDS} seconds. It is a secret.",
        default=None,
    )


@strawberry.type(description="The payload of sessionKeepAlive.")
class SessionKeepAlivePayload(Payload):
    """A session."""

    session: Session | None = public(description="The current session. See `expiresAt`.", default=None)


@strawberry.type(description="The result of stopping one session.")
class SessionStopResult:
    """A session with its errors."""

    id: strawberry.ID = public(description="The given ID.")
    session: Session | None = public(description="The current session. Null if the caller cannot see it.")
    errors: list[UserError] = public(description="The errors. Empty if the session was stopped.")


@strawberry.type(description="The payload of sessionsStop.")
class SessionsStopPayload(Payload):
    """One result for each object."""

    results: list[SessionStopResult] = public(
        description="One result for each ID, in the given order, without duplicates.",
        default_factory=list,
        directives=[Cost(size=100)],
    )


WorkstationId = Annotated[strawberry.ID, strawberry.argument(description="The workstation.")]
Seconds = Annotated[int, strawberry.argument(description="The minimum remaining lifetime, in seconds from now.")]
SessionIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"The sessions, 1 to {MAX_ROWS}.")]


def _datasession_key(text: strawberry.ID | None) -> int | None:
    return decode_as("Datasession", text, path=("datasessionId",)) if text else None


def _is_new(_info: Info, _row: table.Session, is_new: bool) -> dict[str, bool]:
    return {"is_new": is_new}


def _key(text: str) -> int | NotFound:
    try:
        return decode_as("Session", text, path=("ids",))
    except NotFound as error:
        return error


def _stop_result(text: str, outcome: resolve.StopResult) -> SessionStopResult:
    if isinstance(outcome, table.Session):
        return SessionStopResult(id=strawberry.ID(text), session=as_graphql(outcome), errors=[])
    return SessionStopResult(id=strawberry.ID(text), session=None, errors=[user_error(outcome)])


@strawberry.type(description="Mutations of sessions.")
class SessionMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        PermissionVerb.CREATE,
        description="Launch a session, or return the caller's live session of the same image and region. "
        "Accepts `@idempotent`.",
    )
    @errors_in_payload(SessionLaunchPayload)
    @idempotent_mutation(SessionLaunchPayload, "session", _is_new)
    async def session_launch(
        self,
        info: Info,
        workstation_id: WorkstationId,
        input: Annotated[SessionLaunchInput | None, strawberry.argument(description="The options.")] = None,
    ) -> SessionLaunchPayload | None:
        """Launch a session."""
        options = input or SessionLaunchInput()
        session, is_new = await resolve.launch(
            info.context.app_state,
            info.context.caller,
            decode_as("Workstation", workstation_id, path=("workstationId",)),
            image_id=decode_as("Image", options.image_id, path=("imageId",)) if options.image_id else None,
            region=options.region,
            seconds=options.seconds,
            pings={ping.region: ping.milliseconds for ping in options.pings},
            datasession_id=_datasession_key(options.datasession_id),
            environment={variable.name: variable.value for variable in options.environment},
        )
        return SessionLaunchPayload(session=as_graphql(session), is_new=is_new)

    @requires(
        Resource.SESSION, PermissionVerb.EDIT, description="Stop a session. Does nothing if it is already ending."
    )
    @errors_in_payload(SessionStopPayload)
    async def session_stop(self, info: Info, id: SessionId) -> SessionStopPayload | None:
        """Stop a session."""
        session = await resolve.stop(info.context.caller, decode_as("Session", id))
        return SessionStopPayload(session=as_graphql(session))

    @requires(
        Resource.SESSION,
        PermissionVerb.VIEW,
        description="Create a one-time URL that opens a session. Only its creator can do this.",
    )
    @errors_in_payload(SessionOpenPayload)
    async def session_open(self, info: Info, id: SessionId) -> SessionOpenPayload | None:
        """Create a one-time URL."""
        session, url = await resolve.open_address(info.context.app_state, info.context.caller, decode_as("Session", id))
        return SessionOpenPayload(session=as_graphql(session), url=url)

    @requires(
        Resource.SESSION,
        PermissionVerb.EDIT,
        description=f"Stop up to {MAX_ROWS} sessions, with a result for each.",
        directives=[Cost(weight=50)],
    )
    @errors_in_payload(SessionsStopPayload)
    async def sessions_stop(
        self, info: Info, ids: SessionIds, error_policy: Policy = ErrorPolicy.IGNORE_FAILED
    ) -> SessionsStopPayload | None:
        """Stop many sessions."""
        distinct = distinct_batch(ids)
        keys = [_key(each) for each in distinct]
        all_or_none = error_policy is ErrorPolicy.REJECT_EVERYTHING
        outcomes = await resolve.stop_many(info.context.caller, keys, all_or_none=all_or_none)
        return SessionsStopPayload(results=[_stop_result(*each) for each in zip(distinct, outcomes, strict=True)])

    @requires(
        Resource.SESSION,
        PermissionVerb.VIEW,
        description="Extend a session to a minimum remaining lifetime. The lifetime is never shortened. "
        "The session's creator and its own container, with its token, can do this.",
    )
    @errors_in_payload(SessionKeepAlivePayload)
    async def session_keep_alive(
        self, info: Info, id: SessionId, seconds: Seconds = KEEP_ALIVE_SECONDS
    ) -> SessionKeepAlivePayload | None:
        """Extend a session."""
        context = info.context
        session = await resolve.keep_alive(context.app_state, context.caller, decode_as("Session", id), seconds)
        return SessionKeepAlivePayload(session=as_graphql(session))
