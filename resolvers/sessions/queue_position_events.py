"""Turns each change of a region's session queue into local events for the sessions that wait in it."""

import asyncio
import logging

from core.messaging.event_bus import EventBus
from models.services.sessions import session_queue
from models.sessions.sessions import QUEUE_TOPIC_PREFIX

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def watch_queues(bus: EventBus) -> None:
    """Notify the subscriptions of this process whose queue positions changed. Runs until it is cancelled.

    The rows are read once per change of a queue, however many subscriptions there are.
    """
    async with bus.subscribe() as listener:
        while True:
            topics = await listener.wait()
            changed = [
                int(topic.removeprefix(QUEUE_TOPIC_PREFIX)) for topic in topics if topic.startswith(QUEUE_TOPIC_PREFIX)
            ]
            if changed:
                await _notify_waiting(bus, changed)


async def _notify_waiting(bus: EventBus, region_ids: list[int]) -> None:
    try:
        queued = await session_queue.list_queued(region_ids)
    except Exception:
        log.exception("Cannot read the session queue. Subscriptions read their position again at their next refresh.")
        await asyncio.sleep(RETRY_SECONDS)
        return
    bus.notify_local(f"session:{session_id}" for session_id, _ in queued)
    bus.notify_local(f"sessions-of:{creator_id}" for creator_id in {creator_id for _, creator_id in queued})
