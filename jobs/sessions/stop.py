"""Jobs that stop a session's container, and that check a session against its clock and its container."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.clock import now
from core.engine.protocol import Container, ContainerState
from core.errors import Conflict, EngineError
from jobs.context import RegionContext
from models.permissions.principal import SERVICE
from models.services.sessions import session_runs, sessions
from models.services.sessions.session_runs import NO_EXIT, ContainerExit
from models.sessions.sessions import LIVE, Reason, Session, SessionState

log = logging.getLogger(__name__)

EXIT_CODE_KILLED = 137
RETRY_SECONDS = 1.0
MAX_LOG_LINES = 500


async def session_stop(context: Mapping[str, Any], session_id: int) -> None:
    """Stop and remove the container of a stopping session, and record its end; idempotent."""
    region_context: RegionContext = context["region_context"]
    session = await session_runs.claim_stop(session_id, region_context.settings)
    if session is None:
        return
    try:
        await _stop(region_context, session)
    except Conflict:
        return  # Another worker had a newer claim and has finished.
    except EngineError as error:
        log.warning("session %d: its container could not be stopped yet (%s)", session.id, error)
        await session_runs.reschedule_stop(session, region_context.region, RETRY_SECONDS)
    except asyncio.CancelledError:
        await session_runs.reschedule_stop(session, region_context.region, 0)
        raise


async def _stop(region_context: RegionContext, session: Session) -> None:
    name = region_context.container_name(session)
    await region_context.engine.stop(name, region_context.settings.stop_grace_seconds)
    container_exit = await read_container_exit(region_context, session)
    await region_context.engine.remove(name)
    await session_runs.finish_stop(session, container_exit)
    with suppress(EngineError):
        # A concurrent launch may have created it after the first removal, if it read the row before its end.
        await region_context.engine.remove(name)


async def read_container_exit(region_context: RegionContext, session: Session) -> ContainerExit:
    """Return the container's last MAX_LOG_LINES lines and its exit code; NO_EXIT when the engine does not answer.

    Launch and stop jobs read this before they remove the container.
    """
    name = region_context.container_name(session)
    try:
        container = await region_context.engine.inspect(name)
        if container is None:
            return NO_EXIT
        exit_code = container.exit_code if container.state is ContainerState.EXITED else None
        return ContainerExit(await region_context.engine.logs(name, MAX_LOG_LINES), exit_code)
    except EngineError as error:
        log.warning("session %d: its logs could not be read (%s)", session.id, error)
        return NO_EXIT


async def session_check(context: Mapping[str, Any], session_id: int) -> None:
    """Check a session; enqueue another check when its end was postponed."""
    region_context: RegionContext = context["region_context"]
    await check(region_context, session_id)
    await session_runs.schedule_check(session_id, region_context.region)


async def check(region_context: RegionContext, session_id: int) -> None:
    """End a session that have expired or whose container has ended."""
    session = await Session.get_or_none(id=session_id)
    if session is None or session.state not in LIVE:
        return
    if session.expires_at <= now():
        await sessions.expire(session, actor=SERVICE)
    elif session.state is SessionState.RUNNING:
        await _check_container(region_context, session)


async def _check_container(region_context: RegionContext, session: Session) -> None:
    container = await region_context.engine.inspect(region_context.container_name(session))
    if container and container.state is ContainerState.RUNNING:
        return
    code, sentence = _cause(container)
    container_exit = await read_container_exit(region_context, session) if container else NO_EXIT
    try:
        await session_runs.fail(session, code, sentence, container_exit, expected_fence=session.fence)
    except Conflict:
        return  # The session was stopped at the same time; the stop job removes the container.
    await region_context.engine.remove(region_context.container_name(session))


def _cause(container: Container | None) -> tuple[Reason, str]:
    if container is None or container.state is ContainerState.GONE:
        return Reason.CONTAINER_LOST, "The container was removed from outside Carrel."
    if container.oom_killed:
        return Reason.OUT_OF_MEMORY, "The container was killed because it exceeded its memory limit."
    code = container.exit_code
    by = " (killed)" if code == EXIT_CODE_KILLED else ""
    return Reason.CONTAINER_EXITED, f"The container exited with code {code}{by}."
