"""Whoever waits in line hears when the line moves: one hint on a line becomes hints on those who wait in it."""

import asyncio
import logging

from core.messaging.event_bus import EventBus
from models.services.sessions import session_queue
from models.sessions.sessions import LINE_TOPIC

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0


async def follow_lines(bus: EventBus) -> None:
    """Wake the streams of this process whose sessions have got another place; runs until it is cancelled.

    The rows are read once for each move of a line, however many streams there are.
    """
    async with bus.subscribe() as hints:
        while True:
            topics = await hints.wait()
            moved = [int(topic.removeprefix(LINE_TOPIC)) for topic in topics if topic.startswith(LINE_TOPIC)]
            if moved:
                await _wake(bus, moved)


async def _wake(bus: EventBus, region_ids: list[int]) -> None:
    try:
        waiting = await session_queue.waiting(region_ids)
    except Exception:
        log.exception("who waits in line could not be read; streams read it again by themselves")
        await asyncio.sleep(AGAIN_SECONDS)
        return
    bus.ring(f"session:{session_id}" for session_id, _ in waiting)
    bus.ring(f"sessions-of:{creator_id}" for creator_id in {creator_id for _, creator_id in waiting})
