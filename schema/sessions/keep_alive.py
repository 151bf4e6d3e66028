"""The mutation that extends a session, for its creator and for its own container."""

from typing import Annotated

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from resolvers.sessions import sessions as resolve
from schema.context import Info, as_graphql
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session, SessionId

DEFAULT_SECONDS = 300
Seconds = Annotated[int, strawberry.argument(description="The minimum remaining lifetime, in seconds from now.")]


@strawberry.type(description="The payload of sessionKeepAlive.")
class SessionKeepAlivePayload(Payload):
    """A session."""

    session: Session | None = public(description="The current session. See `expiresAt`.", default=None)


@strawberry.type(description="Mutations of session lifetimes.")
class KeepAliveMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        PermissionVerb.VIEW,
        description="Extend a session to a minimum remaining lifetime. The lifetime is never shortened. "
        "The session's creator and its own container, with its token, can do this.",
    )
    @errors_in_payload(SessionKeepAlivePayload)
    async def session_keep_alive(
        self, info: Info, id: SessionId, seconds: Seconds = DEFAULT_SECONDS
    ) -> SessionKeepAlivePayload | None:
        """Extend a session."""
        context = info.context
        session = await resolve.keep_alive(context.app_state, context.caller, decode_as("Session", id), seconds)
        return SessionKeepAlivePayload(session=as_graphql(session))
