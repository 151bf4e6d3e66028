"""Follow the engine's events, so that a container's death is known at once and not by the next sweep."""

import asyncio
import logging

from core.clock import now
from core.engine.protocol import EngineEvent, EngineUnavailable, EventAction
from jobs.runtime import Runtime, session_id_of
from jobs.stopping import session_check

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


async def follow(runtime: Runtime) -> None:
    """Check a session whenever its container ends; runs until it is cancelled, and outlives losses of the engine."""
    since = now()
    while True:
        try:
            async for event in runtime.engine.events(runtime.labels, since):
                since = max(since, event.at)
                await _heed(runtime, event)
        except EngineUnavailable as silence:
            log.warning("follower: the engine of %s is lost (%s); trying again", runtime.region, silence)
        await asyncio.sleep(AGAIN_SECONDS)


async def _heed(runtime: Runtime, event: EngineEvent) -> None:
    session_id = session_id_of(event.name)
    if session_id is None or event.action is EventAction.START:
        return
    try:
        await session_check({"runtime": runtime}, session_id)
    except Exception:
        log.exception("follower: session %d could not be checked; the sweep will", session_id)
