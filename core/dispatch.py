"""The outbox's way out: jobs to the queue, events to the bus."""

from collections.abc import Sequence

from core.events import EventBus
from core.outbox import Kind, OutboxMessage
from core.queue import Queue


class Dispatcher:
    """Sends the messages of committed transactions."""

    def __init__(self, queue: Queue, bus: EventBus) -> None:
        """Send jobs through `queue` and events through `bus`."""
        self._queue, self._bus = queue, bus

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all of them or raise; this process hears of the events at once, also when Redis does not answer."""
        events = [message.name for message in messages if message.kind is Kind.EVENT]
        self._bus.tell(events)
        for message in messages:
            if message.kind is Kind.JOB:
                key = message.key.removeprefix("job:")
                await self._queue.enqueue(
                    message.name, *message.arguments, queue=message.queue, key=key, due_at=message.due_at
                )
        await self._bus.publish(events)
