"""How long a session lives: prolonged while it is used, up to a limit, and looked at when its time is over."""

from datetime import datetime, timedelta
from math import ceil

from tortoise.expressions import Q

from core.clock import now
from core.database.connection import transaction
from core.errors import BadInput, Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.queue import Job, region_queue
from core.settings import Settings
from models.accounts.roles import Resource
from models.permissions.actor import Actor
from models.services.accounts import history, users
from models.sessions.sessions import ENDINGS, Session, SessionState

TOKEN_GRACE = timedelta(minutes=5)
"""How much longer than its session a container's token lives, for what is still to be said at the end."""
LEAST_SECONDS = 1
PROLONGED = (SessionState.STARTING, SessionState.RUNNING)
ATTEMPTS = 3


async def keep_alive(session: Session, seconds: int, settings: Settings, *, actor: Actor) -> None:
    """Let the session live `seconds` from now at least, never less than it would anyway; Conflict at its limit."""
    if not LEAST_SECONDS <= seconds <= settings.session_seconds_limit:
        raise BadInput(
            f"Give from {LEAST_SECONDS} to {settings.session_seconds_limit} seconds, counted from now.",
            path=("seconds",),
        )
    for _ in range(ATTEMPTS):
        until = _until(session, seconds, settings)
        if until <= session.expires_at:
            return
        if await _prolong(session, until, actor):
            return
        await session.refresh_from_db()
    raise Conflict("The session keeps changing; try again.")


def _until(session: Session, seconds: int, settings: Settings) -> datetime:
    """Return when the session is to end; Conflict when it has no longer life to get."""
    begun = session.starting_at
    if session.state is SessionState.QUEUED or begun is None:
        raise Conflict("The session waits in line; its time begins when it starts.")
    if session.state in ENDINGS or session.state is SessionState.STOPPING:
        raise Conflict(f"The session is {session.state}; launch a new one.")
    last, wished = begun + timedelta(seconds=settings.session_seconds_limit), now() + timedelta(seconds=seconds)
    if wished > last and session.expires_at >= last:
        raise Conflict(
            f"The session has the longest life that there is, {settings.session_seconds_limit} seconds; "
            f"it ends at {session.expires_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    return min(wished, last)


async def _prolong(session: Session, until: datetime, actor: Actor) -> bool:
    """Move the end from where it was read to `until`, and the token's; False when the session moved meanwhile."""
    begun = session.starting_at or session.created_at
    lives = ceil((until - begun).total_seconds())
    changes = {"expires_at": until, "maximum_seconds": lives, "last_active_at": now()}
    async with transaction():
        rows = Session.filter(id=session.id, state__in=list(PROLONGED), expires_at=session.expires_at)
        if not await rows.update(**changes):
            return False
        await users.prolong_desk_tokens(session.id, until + TOKEN_GRACE)
        detail = {"from": session.expires_at.isoformat(), "to": until.isoformat()}
        await history.record(Resource.SESSION, session.id, "keep_alive", actor, detail=detail)
        outbox.publish(session.topic)
        outbox.publish(f"sessions-of:{session.creator_id}")
    session.update_from_dict(changes)
    return True


async def touch(session_id: int) -> None:
    """Keep that somebody works in a session now."""
    await Session.filter(id=session_id, state=SessionState.RUNNING).update(last_active_at=now())


async def idle(region_id: int, seconds: int, limit: int) -> list[Session]:
    """Return sessions of a region that run and in which nobody has worked for so long; none when the limit is 0."""
    if not seconds:
        return []
    before = now() - timedelta(seconds=seconds)
    never = Q(last_active_at__isnull=True, running_at__lt=before)
    running = Session.filter(region_id=region_id, state=SessionState.RUNNING)
    return await running.filter(never | Q(last_active_at__lt=before)).order_by("id").limit(limit)


def expiry(session: Session, region: str) -> OutboxMessage:
    """Return what asks for a look at the session when its time is over."""
    key = f"expire:{session.id}:{session.expires_at.timestamp():.3f}"
    return outbox.job(Job.SESSION_CHECK, session.id, queue=region_queue(region), key=key, due_at=session.expires_at)


async def look_again(session_id: int, region: str) -> None:
    """Ask for the next look at a session whose end was put off."""
    session = await Session.get_or_none(id=session_id, state__in=list(PROLONGED), expires_at__gt=now())
    if session is not None:
        async with transaction():
            outbox.collect([expiry(session, region)])
