"""Reads the last log lines and the exit code of a container, before launch and stop jobs remove it."""

import logging

from core.engine.protocol import ContainerState
from core.errors import EngineError
from jobs.context import RegionContext
from models.services.sessions.session_completion import NO_EXIT, ContainerExit
from models.sessions.sessions import Session

log = logging.getLogger(__name__)

MAX_LOG_LINES = 500


async def read_container_exit(region_context: RegionContext, session: Session) -> ContainerExit:
    """Return the container's last MAX_LOG_LINES lines and its exit code; NO_EXIT when the engine does not answer."""
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
