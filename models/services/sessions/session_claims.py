"""Claims of workers on sessions: start from the queue, renew and release leases, and write under a fence."""

from datetime import timedelta
from typing import Any

from core.clock import now
from core.database import leases, sql
from core.database.compare_and_set import update_with_outbox
from core.database.connection import transaction
from core.errors import Conflict
from core.messaging import outbox
from core.queue import Job, region_queue
from core.settings import Settings
from models.permissions.actor import SERVICE
from models.services.sessions import session_lifetime, session_queue
from models.services.transitions import transition_session
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState


async def claim_launch(session_id: int, settings: Settings) -> Session | None:
    """Claim a queued session that can start, or a starting one whose lease has expired.

    None if there is no work: the session must wait, another worker has it, or its state has changed.
    """
    async with transaction():
        session = await sql.get_by_pk(Session, session_id)
        if session is None:
            return None
        if session.state is SessionState.QUEUED:
            return await _start_if_capacity(session, settings)
    return await _resume(session_id, SessionState.STARTING, settings)


async def _start_if_capacity(session: Session, settings: Settings) -> Session | None:
    region = await session_queue.lock_region(session.region_id)
    image = await Image.get(id=session.image_id)
    if image.state is not ImageState.READY or not await session_queue.can_start(session, region):
        return None
    at = now()
    changes: dict[str, Any] = {
        "fence": session.fence + 1,
        "lease_until": at + settings.lease,
        "starting_at": at,
        "expires_at": at + timedelta(seconds=session.maximum_seconds),
    }
    try:
        await transition_session(session, SessionState.STARTING, SERVICE, expected_fence=session.fence, **changes)
    except Conflict:
        return None
    return session


async def claim_stop(session_id: int, settings: Settings) -> Session | None:
    """Claim a stopping session; None if another worker has it or it has ended."""
    return await _resume(session_id, SessionState.STOPPING, settings)


async def _resume(session_id: int, state: SessionState, settings: Settings) -> Session | None:
    return await leases.claim(Session, {"id": session_id, "state": state}, now() + settings.lease)


async def is_still_claimed(session: Session) -> bool:
    """Return whether the session is still starting and the claim is not lost."""
    return await Session.filter(id=session.id, state=SessionState.STARTING, fence=session.fence).exists()


async def renew(session: Session, settings: Settings) -> None:
    """Renew the lease of a launch and lock its row until the transaction ends; Conflict if the claim is lost."""
    expected, until = {"id": session.id, "state": SessionState.STARTING, "fence": session.fence}, now() + settings.lease
    if not await sql.compare_and_set(Session, expected, {"lease_until": until}):
        raise Conflict("Another request changed the session. Read it again.")
    session.lease_until = until


async def yield_launch(session: Session, region: str, seconds: float) -> None:
    """Release the claim and schedule the launch to continue in `seconds`; no effect if the claim is lost."""
    key = f"launch:{session.id}:{session.fence}"
    await _yield(session, SessionState.STARTING, Job.SESSION_LAUNCH, key, region, seconds)


async def yield_stop(session: Session, region: str, seconds: float) -> None:
    """Release the claim and schedule the stop to continue in `seconds`; no effect if the claim is lost."""
    key = f"stop:{session.id}:{session.fence}"
    await _yield(session, SessionState.STOPPING, Job.SESSION_STOP, key, region, seconds)


async def _yield(session: Session, state: SessionState, job: Job, key: str, region: str, seconds: float) -> None:
    at = now()
    due_at = at + timedelta(seconds=seconds)
    retry = outbox.job(job, session.id, queue=region_queue(region), key=key, due_at=due_at)
    expected = {"id": session.id, "state": state, "fence": session.fence}
    await update_with_outbox(Session, expected, {"lease_until": at}, messages=[retry])


async def requeue(session: Session, cause: str) -> None:
    """Put a session that cannot start yet back into the queue, at its former position."""
    async with transaction():
        await session_queue.lock_region(session.region_id)
        await transition_session(
            session, SessionState.QUEUED, SERVICE, cause=cause, expected_fence=session.fence, lease_until=None
        )


async def mark_running(session: Session, region: str, host: str, http_port: int, websocket_port: int) -> None:
    """Record that the container answers, and its address; Conflict if the claim is lost."""
    await transition_session(
        session,
        SessionState.RUNNING,
        SERVICE,
        expected_fence=session.fence,
        messages=[session_lifetime.expiry_check_job(session, region)],
        host=host,
        http_port=http_port,
        websocket_port=websocket_port,
        running_at=now(),
        lease_until=None,
    )
