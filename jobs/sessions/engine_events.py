"""Follow the engine's events, so that a container's death is known at once and not by the next sweep."""

import asyncio
import logging

from core.clock import now
from core.engine.protocol import EngineEvent, EventAction
from core.errors import EngineError
from jobs.context import Runtime, session_id_of
from jobs.periodic import reconcile
from jobs.sessions.stop import check

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


async def follow(runtime: Runtime) -> None:
    """Check a session whenever its container ends; runs until it is cancelled, and outlives losses of the engine.

    An engine keeps few past events, so that after a loss all sessions are compared with their containers once.
    """
    since = now()
    while True:
        try:
            async for event in runtime.engine.events(runtime.labels, since):
                since = max(since, event.at)
                await _heed(runtime, event)
        except EngineError as loss:
            log.warning("follower: the engine of %s is lost (%s); trying again", runtime.region, loss)
        except Exception:
            log.exception("follower: the events of %s could not be read; trying again", runtime.region)
        await asyncio.sleep(AGAIN_SECONDS)
        await catch_up(runtime)


async def catch_up(runtime: Runtime) -> None:
    """Notice what ended while nobody followed; an engine that is away is compared when it is followed again."""
    try:
        await reconcile(runtime)
    except EngineError:
        return  # It is lost still, which the next attempt to follow says.
    except Exception:
        log.exception("follower: the sessions of %s could not be compared; the sweep will", runtime.region)


async def _heed(runtime: Runtime, event: EngineEvent) -> None:
    session_id = session_id_of(event.name)
    if session_id is None or event.action is EventAction.START:
        return
    try:
        await check(runtime, session_id)
    except Exception:
        log.exception("follower: session %d could not be checked; the sweep will", session_id)
