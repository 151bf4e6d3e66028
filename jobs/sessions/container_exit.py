"""What a container leaves: its last lines and its exit code, read before it is removed."""

import logging

from core.engine.protocol import ContainerState
from core.errors import EngineError
from jobs.context import Runtime
from models.services.sessions.session_completion import NOTHING, Remains
from models.sessions.sessions import Session

log = logging.getLogger(__name__)

LINES = 500


async def remains_of(runtime: Runtime, session: Session) -> Remains:
    """Return the container's last 500 lines and its exit code; nothing when the engine cannot tell."""
    name = runtime.container_name(session)
    try:
        container = await runtime.engine.inspect(name)
        if container is None:
            return NOTHING
        exit_code = container.exit_code if container.state is ContainerState.EXITED else None
        return Remains(await runtime.engine.logs(name, LINES), exit_code)
    except EngineError as error:
        log.warning("session %d: its logs are lost (%s)", session.id, error)
        return NOTHING
