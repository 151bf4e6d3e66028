"""Runs of sessions: claim, renew, yield, record the address, and record the end. Workers call it.

Each write checks the fence of the claim. The end of a session starts the next one in the queue.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.clock import now
from core.database import leases, sql
from core.database.connection import transaction
from core.errors import Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.queue import Job, region_queue
from core.settings import Settings
from models.permissions.principal import SERVICE
from models.services.sessions import session_queue
from models.services.sessions.session_lifetime import EXTENDABLE
from models.services.transitions import transition
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState

MAX_LOG_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class ContainerExit:
    """The last log lines of a container, and its exit code if it is known."""

    logs: str = ""
    exit_code: int | None = None


NO_EXIT = ContainerExit()


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
        **leases.new_claim(session, leases.expiry(settings.lease_seconds)),
        "starting_at": at,
        "expires_at": at + timedelta(seconds=session.maximum_seconds),
    }
    try:
        await transition(session, SessionState.STARTING, SERVICE, expected_fence=session.fence, **changes)
    except Conflict:
        return None
    return session


async def claim_stop(session_id: int, settings: Settings) -> Session | None:
    """Claim a stopping session; None if another worker has it or it has ended."""
    return await _resume(session_id, SessionState.STOPPING, settings)


async def _resume(session_id: int, state: SessionState, settings: Settings) -> Session | None:
    return await leases.claim(Session, {"id": session_id, "state": state}, leases.expiry(settings.lease_seconds))


async def is_still_claimed(session: Session) -> bool:
    """Return whether the session is still starting and the claim is not lost."""
    return await Session.filter(id=session.id, state=SessionState.STARTING, fence=session.fence).exists()


async def renew(session: Session, settings: Settings) -> None:
    """Renew the lease of a launch and lock its row until the transaction ends; Conflict if the claim is lost."""
    until = leases.expiry(settings.lease_seconds)
    if not await leases.renew(session, SessionState.STARTING, until):
        raise Conflict("Another request changed the session. Read it again.")
    session.lease_until = until


async def reschedule_launch(session: Session, region: str, seconds: float) -> None:
    """Release the claim and schedule the launch to continue in `seconds`; no effect if the claim is lost."""
    key = f"launch:{session.id}:{session.fence}"
    await _reschedule(session, SessionState.STARTING, Job.SESSION_LAUNCH, key, region, seconds)


async def reschedule_stop(session: Session, region: str, seconds: float) -> None:
    """Release the claim and schedule the stop to continue in `seconds`; no effect if the claim is lost."""
    key = f"stop:{session.id}:{session.fence}"
    await _reschedule(session, SessionState.STOPPING, Job.SESSION_STOP, key, region, seconds)


async def _reschedule(session: Session, state: SessionState, job: Job, key: str, region: str, seconds: float) -> None:
    at = now()
    due_at = at + timedelta(seconds=seconds)
    retry = outbox.job(job, session.id, queue=region_queue(region), key=key, due_at=due_at)
    await leases.renew(session, state, at, messages=[retry])


async def requeue(session: Session, cause: str) -> None:
    """Put a session that cannot start yet back into the queue, at its former position."""
    async with transaction():
        await session_queue.lock_region(session.region_id)
        await transition(
            session, SessionState.QUEUED, SERVICE, cause=cause, expected_fence=session.fence, lease_until=None
        )


async def mark_running(session: Session, region: str, host: str, http_port: int, websocket_port: int) -> None:
    """Record that the container answers, and its address; Conflict if the claim is lost."""
    await transition(
        session,
        SessionState.RUNNING,
        SERVICE,
        expected_fence=session.fence,
        messages=[expiry_check_job(session, region)],
        host=host,
        http_port=http_port,
        websocket_port=websocket_port,
        running_at=now(),
        lease_until=None,
    )


def expiry_check_job(session: Session, region: str) -> OutboxMessage:
    """Return the job that checks the session at its expiry."""
    key = f"expire:{session.id}:{session.expires_at.timestamp():.3f}"
    return outbox.job(Job.SESSION_CHECK, session.id, queue=region_queue(region), key=key, due_at=session.expires_at)


async def fail(
    session: Session,
    code: Reason,
    sentence: str,
    container_exit: ContainerExit = NO_EXIT,
    *,
    expected_fence: int | None = None,
) -> None:
    """Fail a session that could not start or whose container ended.

    Conflict if its state was changed since it was read, or if its fence is not `expected_fence`.
    """
    await _finish(
        session, SessionState.FAILED, container_exit, sentence, expected_fence, reason_code=code, reason=sentence
    )


async def finish_stop(session: Session, container_exit: ContainerExit) -> None:
    """Record that a stopping session's container is gone."""
    await _finish(session, session.outcome or SessionState.STOPPED, container_exit, session.reason, session.fence)


async def _finish(
    session: Session,
    to: SessionState,
    container_exit: ContainerExit,
    cause: str,
    expected_fence: int | None,
    **changes: Any,
) -> None:
    if container_exit.logs:
        changes["logs"] = container_exit.logs[-MAX_LOG_CHARACTERS:]
    if container_exit.exit_code is not None:
        changes["exit_code"] = container_exit.exit_code
    changes |= {"ended_at": now(), "lease_until": None, "host": None, "http_port": None, "websocket_port": None}
    async with transaction():
        region = await session_queue.lock_region(session.region_id)
        await transition(session, to, SERVICE, cause=cause, expected_fence=expected_fence, **changes)
        await session_queue.enqueue_startable(region, after=session.id)


async def schedule_check(session_id: int, region: str) -> None:
    """Schedule the next check of a session whose lifetime was extended."""
    session = await Session.get_or_none(id=session_id, state__in=list(EXTENDABLE), expires_at__gt=now())
    if session is not None:
        async with transaction():
            outbox.enqueue_messages([expiry_check_job(session, region)])
