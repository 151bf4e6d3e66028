"""The event bus: "the row of this topic has changed, read it again", between processes through Redis pub/sub.

Subscriptions and caches use it. An event carries no data and may repeat. One Redis connection serves all listeners of a
process, and events that arrive while a listener is busy are merged. After a lost connection every listener is notified,
because events may have been missed. Callbacks run at once for events that this process publishes.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "carrel:events"
RECONNECT_SECONDS = 0.5
START_SECONDS = 3.0
STOP_ATTEMPTS = 5
RESYNC = "*"
"""The topic that means: any row may have changed."""


class TopicListener:
    """The changed topics of one subscriber, merged until it reads them."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._topics: set[str] = set()

    def notify(self, topic: str) -> None:
        """Add a changed topic and wake the subscriber."""
        self._topics.add(topic)
        self._event.set()

    async def wait(self) -> frozenset[str]:
        """Return the topics that changed since the last call, waiting for the first one."""
        await self._event.wait()
        self._event.clear()
        topics, self._topics = frozenset(self._topics), set()
        return topics


class EventBus:
    """Publishes events and fans them out; call `start` in the process's main loop and `stop` at the end."""

    def __init__(self, redis: Redis) -> None:
        """Use `redis` for both directions."""
        self._redis = redis
        self._listeners: dict[str, set[TopicListener]] = defaultdict(set)
        self._all_topics: set[TopicListener] = set()
        self._callbacks: list[Callable[[str], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Start to listen; return when events arrive, or after START_SECONDS when Redis is down."""
        self._task = asyncio.create_task(self._listen(), name="event-bus")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), START_SECONDS)

    async def stop(self) -> None:
        """Stop listening."""
        for _ in range(STOP_ATTEMPTS):  # redis-py may swallow a cancellation, so it is repeated.
            if self._task is None or self._task.done():
                return
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1)
        log.error("events: the listener does not stop")

    @property
    def is_connected(self) -> bool:
        """Whether events arrive at present."""
        return self._ready.is_set()

    async def publish(self, topics: Iterable[str]) -> None:
        """Publish to every process that the topics changed; the callbacks of this process have run on return."""
        names = list(topics)
        self.run_callbacks(names)
        if names:
            await self._redis.publish(CHANNEL, "\n".join(names))

    def run_callbacks(self, topics: Iterable[str]) -> None:
        """Run the callbacks of this process; it works without Redis."""
        for topic in topics:
            for callback in self._callbacks:
                callback(topic)

    def add_listener(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with each topic that changes, and with RESYNC whenever events may have been missed."""
        self._callbacks.append(callback)

    def notify_local(self, topics: Iterable[str]) -> None:
        """Notify the callbacks and subscribers of this process only."""
        names = list(topics)
        self.run_callbacks(names)
        for topic in names:
            for listener in (*self._listeners.get(topic, ()), *self._all_topics):
                listener.notify(topic)

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[TopicListener]:
        """Listen to `topics`; without any, to all."""
        listener = TopicListener()
        groups = [self._listeners[topic] for topic in topics] or [self._all_topics]
        for group in groups:
            group.add(listener)
        try:
            yield listener
        finally:
            for group in groups:
                group.discard(listener)
            for topic in topics:
                if not self._listeners.get(topic, True):
                    del self._listeners[topic]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await self._read(channel)
            except (RedisError, OSError) as error:
                self._ready.clear()
                self.run_callbacks([RESYNC])
                log.warning("events: the connection to Redis was lost (%s); reconnecting", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _read(self, channel: PubSub) -> None:
        await channel.subscribe(CHANNEL)
        while True:
            message = await channel.get_message(timeout=5.0)
            if message is None:
                await channel.ping()  # A dead connection is noticed only when something is sent.
            elif message["type"] == "subscribe":
                self._ready.set()
                # After every (re)connection: events before it were missed.
                self._notify_all()
            elif message["type"] == "message":
                self.notify_local(message["data"].decode().split("\n"))

    def _notify_all(self) -> None:
        self.run_callbacks([RESYNC])
        for topic, listeners in self._listeners.items():
            for listener in listeners:
                listener.notify(topic)
        for listener in self._all_topics:
            listener.notify(RESYNC)
