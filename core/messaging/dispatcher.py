"""The sender of the outbox: jobs go to the queue, events to the bus, and functions are woken."""

from collections.abc import Sequence
from datetime import datetime

from core.messaging.event_bus import EventBus
from core.messaging.outbox import MessageKind, OutboxMessage
from core.queue import Queue
from core.queue.functions.waker import FunctionWaker


class Dispatcher:
    """Sends the messages of committed transactions."""

    def __init__(self, queue: Queue, bus: EventBus, waker: FunctionWaker | None = None) -> None:
        """Send jobs through `queue` and events through `bus`; wake functions with `waker` where any is configured."""
        self._queue, self._bus = queue, bus
        self._waker = waker if waker is not None and waker.has_functions else None

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all of them or raise. Listeners in this process get the events first, even if Redis is down."""
        events = [message.name for message in messages if message.kind is MessageKind.EVENT]
        # First of all: the caches of this process must not serve the old value to the next request.
        self._bus.run_callbacks(events)
        to_wake: set[tuple[str, datetime | None]] = set()
        for message in messages:
            if message.kind is MessageKind.JOB:
                key = message.key.removeprefix("job:")
                await self._queue.enqueue(
                    message.name, *message.arguments, queue=message.queue, key=key, due_at=message.due_at
                )
                to_wake.add((message.queue, message.due_at))
        await self._bus.publish(events)
        # Last: a function that starts must find the jobs in the queue.
        if self._waker:
            for queue, due_at in to_wake:
                await self._waker.wake(queue, due_at)
