"""Subscriptions to sessions."""

from collections.abc import AsyncIterator

import strawberry

from models.accounts.roles import PermissionVerb, Resource
from models.sessions.sessions import TERMINAL_STATES
from resolvers.sessions import sessions as resolve
from schema.context import Info, as_graphql
from schema.execution.subscriptions import snapshot_then_updates
from schema.graphql.node import decode_as
from schema.graphql.permissions import live_subscription
from schema.sessions.sessions import Session, SessionId


@strawberry.type(description="Subscriptions to sessions.")
class SessionSubscriptions:
    """Root fields."""

    @live_subscription(
        Resource.SESSION,
        PermissionVerb.VIEW,
        description="Send the session now and after every change, until it has ended.",
    )
    async def session_updated(self, info: Info, id: SessionId) -> AsyncIterator[Session | None]:
        """Stream a session."""
        key, context = decode_as("Session", id), info.context
        await resolve.reader.require_visible(context.caller, key)
        async for snapshot in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"session:{key}"],
            lambda: resolve.read_snapshot(context.app_state, context.caller, key),
            version=_version,
            is_final=lambda snapshot: snapshot.rows[0].state in TERMINAL_STATES,
        ):
            yield as_graphql(snapshot.rows[0])

    @live_subscription(
        Resource.SESSION,
        PermissionVerb.VIEW,
        description=f"Send the caller's {resolve.MAX_RECENT} newest sessions, newest first, now and after each change.",
    )
    async def my_sessions(self, info: Info) -> AsyncIterator[list[Session] | None]:
        """Stream the caller's sessions."""
        context = info.context
        async for recent in snapshot_then_updates(
            context,
            context.app_state.bus,
            [f"sessions-of:{context.caller.user_id}"],
            lambda: context.app_state.live_rows.read_once(
                ("recent", context.caller), lambda: resolve.recent(context.caller)
            ),
            version=_version,
        ):
            yield as_graphql(recent.rows)


def _version(snapshot: resolve.SessionSnapshot) -> list[object]:
    """Return the values whose change sends a new event: states, expiry times and queue positions."""
    return [(row.id, row.state, row.expires_at, snapshot.queue_positions.get(row.id)) for row in snapshot.rows]
