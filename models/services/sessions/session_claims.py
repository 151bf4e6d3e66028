"""Take a session for work: admission from the waiting line, leases, and what is recorded under a fence."""

from datetime import timedelta
from typing import Any

from core.clock import now
from core.database import leases, sql
from core.database.compare_and_set import change
from core.database.connection import transaction
from core.errors import Conflict
from core.messaging import outbox
from core.queue import Job, region_queue
from core.settings import Settings
from models.permissions.actor import SERVICE
from models.services.sessions import session_lifetime, session_queue
from models.services.transitions import move_session
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState


async def claim_launch(session_id: int, settings: Settings) -> Session | None:
    """Take the session for launching: the next in line while there is room, or one whose worker's lease is over.

    None means that there is nothing to do now: it waits in line, another works on it, or it has moved on.
    """
    async with transaction():
        session = await sql.by_key(Session, session_id)
        if session is None:
            return None
        if session.state is SessionState.QUEUED:
            return await _admit(session, settings)
    return await _resume(session_id, SessionState.STARTING, settings)


async def _admit(session: Session, settings: Settings) -> Session | None:
    region = await session_queue.turnstile(session.region_id)
    image = await Image.get(id=session.image_id)
    if image.state is not ImageState.READY or not await session_queue.has_turn(session, region):
        return None
    at = now()
    changes: dict[str, Any] = {
        "fence": session.fence + 1,
        "lease_until": at + settings.lease,
        "starting_at": at,
        "expires_at": at + timedelta(seconds=session.maximum_seconds),
    }
    try:
        await move_session(session, SessionState.STARTING, SERVICE, held=session.fence, **changes)
    except Conflict:
        return None
    return session


async def claim_stop(session_id: int, settings: Settings) -> Session | None:
    """Take a stopping session whose container is to be ended; None when another does or it has ended."""
    return await _resume(session_id, SessionState.STOPPING, settings)


async def _resume(session_id: int, state: SessionState, settings: Settings) -> Session | None:
    return await leases.claim(Session, {"id": session_id, "state": state}, now() + settings.lease)


async def still_mine(session: Session) -> bool:
    """Say whether the claim still holds and the session is still to be launched."""
    return await Session.filter(id=session.id, state=SessionState.STARTING, fence=session.fence).exists()


async def renew(session: Session, settings: Settings) -> None:
    """Prolong a launch's claim and lock its row until the open transaction ends; Conflict when the claim is lost."""
    held, until = {"id": session.id, "state": SessionState.STARTING, "fence": session.fence}, now() + settings.lease
    if not await sql.swap(Session, held, {"lease_until": until}):
        raise Conflict("The session changed meanwhile; read it again.")
    session.lease_until = until


async def yield_launch(session: Session, region: str, seconds: float) -> None:
    """Give the claim back and ask for the launch to go on in `seconds`; harmless when the claim was lost."""
    key = f"launch:{session.id}:{session.fence}"
    await _yield(session, SessionState.STARTING, Job.SESSION_LAUNCH, key, region, seconds)


async def yield_stop(session: Session, region: str, seconds: float) -> None:
    """Give the claim back and ask for the stop to go on in `seconds`; harmless when the claim was lost."""
    key = f"stop:{session.id}:{session.fence}"
    await _yield(session, SessionState.STOPPING, Job.SESSION_STOP, key, region, seconds)


async def _yield(session: Session, state: SessionState, job: Job, key: str, region: str, seconds: float) -> None:
    at = now()
    due_at = at + timedelta(seconds=seconds)
    again = outbox.job(job, session.id, queue=region_queue(region), key=key, due_at=due_at)
    held = {"id": session.id, "state": state, "fence": session.fence}
    await change(Session, held, {"lease_until": at}, news=[again])


async def back_to_line(session: Session, cause: str) -> None:
    """Put a session that cannot start yet back into the waiting line, at its old place."""
    async with transaction():
        await session_queue.turnstile(session.region_id)
        await move_session(session, SessionState.QUEUED, SERVICE, cause=cause, held=session.fence, lease_until=None)


async def mark_running(session: Session, region: str, host: str, http_port: int, websocket_port: int) -> None:
    """Record that the container answers, and where; Conflict when the claim was lost."""
    await move_session(
        session,
        SessionState.RUNNING,
        SERVICE,
        held=session.fence,
        news=[session_lifetime.expiry(session, region)],
        host=host,
        http_port=http_port,
        websocket_port=websocket_port,
        running_at=now(),
        lease_until=None,
    )
