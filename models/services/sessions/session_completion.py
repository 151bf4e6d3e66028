"""End sessions: keep what the container said, and give its place to the next."""

from dataclasses import dataclass
from typing import Any

from core.clock import now
from core.database.connection import transaction
from models.permissions.actor import SERVICE
from models.services.sessions import session_queue
from models.services.transitions import move_session
from models.sessions.sessions import Reason, Session, SessionState

LOG_CHARACTERS = 64 * 1024


@dataclass(frozen=True)
class Remains:
    """What is left of a container: its last log lines and its exit code, where it had one."""

    logs: str = ""
    exit_code: int | None = None


NOTHING = Remains()


async def fail(
    session: Session, code: Reason, sentence: str, remains: Remains = NOTHING, *, held: int | None = None
) -> None:
    """End a session that could not start or whose container ended.

    Conflict when it has moved meanwhile, or when `held` is not its fence.
    """
    await _finish(session, SessionState.FAILED, remains, sentence, held, reason_code=code, reason=sentence)


async def finish_stop(session: Session, remains: Remains) -> None:
    """Record that a stopping session's container is gone."""
    await _finish(session, session.outcome or SessionState.STOPPED, remains, session.reason, session.fence)


async def _finish(
    session: Session, to: SessionState, remains: Remains, cause: str, held: int | None, **changes: Any
) -> None:
    if remains.logs:
        changes["logs"] = remains.logs[-LOG_CHARACTERS:]
    if remains.exit_code is not None:
        changes["exit_code"] = remains.exit_code
    changes |= {"ended_at": now(), "lease_until": None, "host": None, "http_port": None, "websocket_port": None}
    async with transaction():
        region = await session_queue.turnstile(session.region_id)
        await move_session(session, to, SERVICE, cause=cause, held=held, **changes)
        await session_queue.call_next(region, after=session.id)
