"""The lifetime of sessions: extension up to a limit, and activity."""

from datetime import datetime, timedelta
from math import ceil

from tortoise.expressions import Q

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.settings import Settings
from models.accounts.roles import Resource
from models.permissions.principal import Actor
from models.services.accounts import history, tokens
from models.services.transitions import publish_change
from models.sessions.sessions import TERMINAL_STATES, Session, SessionState

TOKEN_GRACE = timedelta(minutes=5)
"""The container's token outlives its session by this much, for requests during shutdown."""
MIN_SECONDS = 1
EXTENDABLE = (SessionState.STARTING, SessionState.RUNNING)
MAX_CONFLICTS = 3


async def keep_alive(session: Session, seconds: int, settings: Settings, *, actor: Actor) -> None:
    """Extend the session to at least `seconds` from now. It is never shortened. Conflict at the maximum lifetime."""
    if not MIN_SECONDS <= seconds <= settings.session_seconds_limit:
        raise BadInput(
            f"Give {MIN_SECONDS} to {settings.session_seconds_limit} seconds, counted from now.",
            path=("seconds",),
        )
    for _ in range(MAX_CONFLICTS):
        until = _new_expiry(session, seconds, settings)
        if until <= session.expires_at:
            return
        if await _extend(session, until, actor):
            return
        await session.refresh_from_db()
    raise Conflict("Other requests changed the session at the same time. Try again.")


def _new_expiry(session: Session, seconds: int, settings: Settings) -> datetime:
    """Return the extended expiry; Conflict if the session cannot be extended."""
    started_at = session.starting_at
    if session.state is SessionState.QUEUED or started_at is None:
        raise Conflict("The session is queued. Its time begins when it starts; extend it then.")
    if session.state in TERMINAL_STATES or session.state is SessionState.STOPPING:
        raise Conflict(f"The session is {session.state}. Launch a new one.")
    limit, requested = (
        started_at + timedelta(seconds=settings.session_seconds_limit),
        now() + timedelta(seconds=seconds),
    )
    if requested > limit and session.expires_at >= limit:
        raise Conflict(
            f"The session has the maximum lifetime of {settings.session_seconds_limit} seconds. "
            f"It ends at {session.expires_at:%Y-%m-%d %H:%M:%S} UTC; launch a new one after that."
        )
    return min(requested, limit)


async def _extend(session: Session, until: datetime, actor: Actor) -> bool:
    """Set the expiry of the session and of its tokens; False if another request changed the session."""
    started_at = session.starting_at or session.created_at
    maximum_seconds = ceil((until - started_at).total_seconds())
    changes = {"expires_at": until, "maximum_seconds": maximum_seconds, "last_active_at": now()}
    async with transaction():
        rows = Session.filter(id=session.id, state__in=list(EXTENDABLE), expires_at=session.expires_at)
        if not await rows.update(**changes):
            return False
        await tokens.extend_session_tokens(session.id, until + TOKEN_GRACE)
        detail = {"from": session.expires_at.isoformat(), "to": until.isoformat()}
        await history.record(Resource.SESSION, session.id, "keep_alive", actor, detail=detail)
        publish_change(session)
    session.update_from_dict(changes)
    return True


async def record_activity(session_id: int) -> None:
    """Record that a session is in use now."""
    await Session.filter(id=session_id, state=SessionState.RUNNING).update(last_active_at=now())


async def list_idle(region_id: int, seconds: int, limit: int) -> list[Session]:
    """Return running sessions of a region that were unused for `seconds`; none if `seconds` is 0."""
    if not seconds:
        return []
    cutoff = now() - timedelta(seconds=seconds)
    never_used = Q(last_active_at__isnull=True, running_at__lt=cutoff)
    running = Session.filter(region_id=region_id, state=SessionState.RUNNING)
    return await running.filter(never_used | Q(last_active_at__lt=cutoff)).order_by("id").limit(limit)
