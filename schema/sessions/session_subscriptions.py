"""Sessions are followed while they live."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import Operation, Resource
from models.policies.sessions import sessions as policy
from models.sessions.sessions import ENDINGS
from resolvers.guards import visible
from resolvers.sessions import sessions as resolve
from schema.context import Info, shown
from schema.execution.subscriptions import present_then_events
from schema.graphql.node import decode_as
from schema.graphql.permissions import streams
from schema.sessions.sessions import Session, SessionId


@strawberry.type(description="Streams of sessions.")
class SessionSubscriptions:
    """Root fields."""

    @streams(Resource.SESSION, Operation.VIEW, description="A session now and at every change, until it has ended.")
    async def session_updated(self, info: Info, id: SessionId) -> AsyncIterator[Session | None]:
        """Follow a session."""
        key, context = decode_as("Session", id), info.context
        await visible(policy.readable(context.caller), key)
        async for one in present_then_events(
            context,
            context.home.bus,
            [f"session:{key}"],
            lambda: resolve.followed(context.home, context.caller, key),
            version=_version,
            ended=lambda followed: followed.rows[0].state in ENDINGS,
        ):
            yield shown(one.rows[0])

    @streams(
        Resource.SESSION,
        Operation.VIEW,
        description="The caller's twenty newest sessions, newest first, now and whenever one of them changes.",
    )
    async def my_sessions(self, info: Info) -> AsyncIterator[list[Session] | None]:
        """Follow the caller's sessions."""
        context = info.context
        async for mine in present_then_events(
            context,
            context.home.bus,
            [f"sessions-of:{context.caller.user_id}"],
            lambda: context.home.present.once(("recent", context.caller), lambda: resolve.recent(context.caller)),
            version=_version,
        ):
            yield shown(mine.rows)


def _version(followed: resolve.Followed) -> list[object]:
    """Return what of sessions a stream tells anew: their states, their ends, and their places in line."""
    return [(row.id, row.state, row.expires_at, followed.places.get(row.id)) for row in followed.rows]
