"""The end of sessions: store the container's log and exit code, and start the next session in the queue."""

from dataclasses import dataclass
from typing import Any

from core.clock import now
from core.database.connection import transaction
from models.permissions.actor import SERVICE
from models.services.sessions import session_queue
from models.services.transitions import transition_session
from models.sessions.sessions import Reason, Session, SessionState

MAX_LOG_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class ContainerExit:
    """The last log lines of a container, and its exit code if it is known."""

    logs: str = ""
    exit_code: int | None = None


NO_EXIT = ContainerExit()


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
        await transition_session(session, to, SERVICE, cause=cause, expected_fence=expected_fence, **changes)
        await session_queue.enqueue_startable(region, after=session.id)
