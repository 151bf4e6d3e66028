"""Sessions are kept alive by who works in them, and by their own containers."""

from typing import Annotated

import strawberry

from models.accounts.roles import Operation, Resource
from resolvers.sessions import sessions as resolve
from schema.context import Info, shown
from schema.graphql.errors import Payload, reported
from schema.graphql.node import decode_as
from schema.graphql.permissions import public, requires
from schema.sessions.sessions import Session, SessionId

USUAL_SECONDS = 300
Seconds = Annotated[int, strawberry.argument(description="How long it is to live from now, at least.")]


@strawberry.type(description="The answer to sessionKeepAlive.")
class SessionKeepAlivePayload(Payload):
    """A session."""

    session: Session | None = public(description="The session as it is now; `expiresAt` says until when.", default=None)


@strawberry.type(description="Changes of how long sessions live.")
class LifetimeMutations:
    """Root fields."""

    @requires(
        Resource.SESSION,
        Operation.VIEW,
        description="Let a session live some seconds from now at least; it never lives shorter than before. For its "
        "creator, and for its own container with the token that it was given.",
    )
    @reported(SessionKeepAlivePayload)
    async def session_keep_alive(
        self, info: Info, id: SessionId, seconds: Seconds = USUAL_SECONDS
    ) -> SessionKeepAlivePayload | None:
        """Prolong a session."""
        context = info.context
        session = await resolve.keep_alive(context.home, context.caller, decode_as("Session", id), seconds)
        return SessionKeepAlivePayload(session=shown(session))
