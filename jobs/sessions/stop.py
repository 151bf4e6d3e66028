"""End containers whose session is stopping, and notice those that ended by themselves."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.clock import now
from core.engine.protocol import Container, ContainerState
from core.errors import Conflict, EngineError
from jobs.context import Runtime, runtime_of
from jobs.sessions.container_exit import remains_of
from models.permissions.actor import SERVICE
from models.services.sessions import session_claims, session_completion, session_lifetime, sessions
from models.services.sessions.session_completion import NOTHING
from models.sessions.sessions import LIVE, Reason, Session, SessionState

log = logging.getLogger(__name__)

KILLED = 137
AGAIN_SECONDS = 1.0


async def session_stop(context: Mapping[str, Any], session_id: int) -> None:
    """Stop and remove the container of a stopping session, and record its end; harmless twice."""
    runtime = runtime_of(context)
    session = await session_claims.claim_stop(session_id, runtime.settings)
    if session is None:
        return
    try:
        await _stop(runtime, session)
    except Conflict:
        return  # Another worker held a newer claim and has finished.
    except EngineError as error:
        log.warning("session %d: its container cannot be ended yet (%s)", session.id, error)
        await session_claims.yield_stop(session, runtime.region, AGAIN_SECONDS)
    except asyncio.CancelledError:
        await session_claims.yield_stop(session, runtime.region, 0)
        raise


async def _stop(runtime: Runtime, session: Session) -> None:
    name = runtime.container_name(session)
    await runtime.engine.stop(name, runtime.settings.stop_grace_seconds)
    remains = await remains_of(runtime, session)
    await runtime.engine.remove(name)
    await session_completion.finish_stop(session, remains)
    with suppress(EngineError):
        # A launch under way may have made it after the first removal, and have looked at the row before its end.
        await runtime.engine.remove(name)


async def session_check(context: Mapping[str, Any], session_id: int) -> None:
    """Check a session, and if its end was put off, be asked again when its time is over."""
    runtime = runtime_of(context)
    await check(runtime, session_id)
    await session_lifetime.look_again(session_id, runtime.region)


async def check(runtime: Runtime, session_id: int) -> None:
    """Compare a session with its clock and its container, and end it when either says so."""
    session = await Session.get_or_none(id=session_id)
    if session is None or session.state not in LIVE:
        return
    if session.expires_at <= now():
        await sessions.expire(session, actor=SERVICE)
    elif session.state is SessionState.RUNNING:
        await _check_container(runtime, session)


async def _check_container(runtime: Runtime, session: Session) -> None:
    container = await runtime.engine.inspect(runtime.container_name(session))
    if container and container.state is ContainerState.RUNNING:
        return
    code, sentence = _cause(container)
    remains = await remains_of(runtime, session) if container else NOTHING
    try:
        await session_completion.fail(session, code, sentence, remains, held=session.fence)
    except Conflict:
        return  # It was stopped meanwhile; the stop job takes the container away.
    await runtime.engine.remove(runtime.container_name(session))


def _cause(container: Container | None) -> tuple[Reason, str]:
    if container is None or container.state is ContainerState.GONE:
        return Reason.CONTAINER_LOST, "The container is gone; it was removed from outside."
    if container.oom_killed:
        return Reason.OUT_OF_MEMORY, "The container was ended because it used more memory than it may."
    code = container.exit_code
    by = " (killed)" if code == KILLED else ""
    return Reason.CONTAINER_EXITED, f"The container ended by itself with exit code {code}{by}."
