"""The outbox's way out: jobs to the queue, events to the bus, and the bell where functions do the work."""

from collections.abc import Sequence
from datetime import datetime

from core.messaging.event_bus import EventBus
from core.messaging.outbox import Kind, OutboxMessage
from core.queue import Queue
from core.queue.functions.waker import Bells


class Dispatcher:
    """Sends the messages of committed transactions."""

    def __init__(self, queue: Queue, bus: EventBus, bells: Bells | None = None) -> None:
        """Send jobs through `queue` and events through `bus`; wake functions with `bells`."""
        self._queue, self._bus, self._bells = queue, bus, bells

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all of them or raise; this process hears of the events at once, also when Redis does not answer."""
        events = [message.name for message in messages if message.kind is Kind.EVENT]
        self._bus.tell(events)
        woken: set[tuple[str, datetime | None]] = set()
        for message in messages:
            if message.kind is Kind.JOB:
                key = message.key.removeprefix("job:")
                await self._queue.enqueue(
                    message.name, *message.arguments, queue=message.queue, key=key, due_at=message.due_at
                )
                woken.add((message.queue, message.due_at))
        await self._bus.publish(events)
        if self._bells:
            for queue, due_at in woken:
                await self._bells.ring(queue, due_at)
