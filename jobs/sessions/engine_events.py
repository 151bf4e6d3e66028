"""Watches the engine's events, so that the end of a container is noticed at once and not by the next sweep."""

import asyncio
import logging

from core.clock import now
from core.engine.protocol import EngineEvent, EventAction
from core.errors import EngineError
from jobs.context import RegionContext, session_id_of
from jobs.sessions.stop import check
from jobs.sessions.sweep import reconcile

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def follow(region_context: RegionContext) -> None:
    """Check a session whenever its container ends, until cancelled; reconnect when the engine is lost.

    An engine keeps few past events, so after a reconnect all sessions are compared with their containers once.
    """
    since = now()
    while True:
        try:
            async for event in region_context.engine.events(region_context.labels, since):
                since = max(since, event.at)
                await _on_event(region_context, event)
        except EngineError as error:
            log.warning("events: the engine of %s is lost (%s); reconnecting", region_context.region, error)
        except Exception:
            log.exception("events: the events of %s could not be read; reconnecting", region_context.region)
        await asyncio.sleep(RETRY_SECONDS)
        await catch_up(region_context)


async def catch_up(region_context: RegionContext) -> None:
    """Compare sessions and containers once, for events missed while disconnected."""
    try:
        await reconcile(region_context)
    except EngineError:
        return  # Still unreachable; the next attempt of `follow` logs it.
    except Exception:
        log.exception("events: the sessions of %s could not be compared; the sweep retries", region_context.region)


async def _on_event(region_context: RegionContext, event: EngineEvent) -> None:
    session_id = session_id_of(event.name)
    if session_id is None or event.action is EventAction.START:
        return
    try:
        await check(region_context, session_id)
    except Exception:
        log.exception("events: session %d could not be checked; the sweep retries", session_id)
