"""Events are hints: "what this topic names has changed, read it again".

One Redis connection serves all listeners of a process. Hints that come while a listener is busy are one hint. After a
lost connection every listener gets a hint, since anything may have happened meanwhile. Ears hear what this process
publishes at once, before it goes to Redis.
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
STOP_ATTEMPTS = 5
ANYTHING = "*"
"""The topic of a hint that anything may have changed."""


class Hints:
    """One listener's view of its topics."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._topics: set[str] = set()

    def ring(self, topic: str) -> None:
        """Note that `topic` changed and wake the listener."""
        self._topics.add(topic)
        self._event.set()

    async def wait(self) -> frozenset[str]:
        """Return the topics that changed since the last call, waiting for the first one."""
        await self._event.wait()
        self._event.clear()
        topics, self._topics = frozenset(self._topics), set()
        return topics


class EventBus:
    """Publishes and fans out hints; `start` it in the process's main loop, `stop` it at the end."""

    def __init__(self, redis: Redis) -> None:
        """Use `redis` for both directions."""
        self._redis = redis
        self._listeners: dict[str, set[Hints]] = defaultdict(set)
        self._everything: set[Hints] = set()
        self._ears: list[Callable[[str], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; returns when hints arrive, or after three seconds when Redis does not answer."""
        self._task = asyncio.create_task(self._listen(), name="event-bus")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), 3)

    async def stop(self) -> None:
        """End listening; a library that swallows the cancellation is told again."""
        for _ in range(STOP_ATTEMPTS):
            if self._task is None or self._task.done():
                return
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1)
        log.error("events: the listener does not end")

    @property
    def connected(self) -> bool:
        """Say whether hints arrive at present."""
        return self._ready.is_set()

    async def publish(self, topics: Iterable[str]) -> None:
        """Tell every process that what the topics name has changed; the ears of this one have heard when it returns."""
        names = list(topics)
        self.tell(names)
        if names:
            await self._redis.publish(CHANNEL, "\n".join(names))

    def tell(self, topics: Iterable[str]) -> None:
        """Let the ears of this process hear that what the topics name has changed, whether Redis answers or not."""
        for topic in topics:
            for ear in self._ears:
                ear(topic)

    def attend(self, ear: Callable[[str], None]) -> None:
        """Call `ear` with each topic that changes, and with `ANYTHING` whenever hints may have been missed."""
        self._ears.append(ear)

    def ring(self, topics: Iterable[str]) -> None:
        """Give hints to the listeners of this process alone."""
        self._ring(list(topics))

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Hints]:
        """Listen to `topics`; with none, to all."""
        hints = Hints()
        homes = [self._listeners[topic] for topic in topics] or [self._everything]
        for home in homes:
            home.add(hints)
        try:
            yield hints
        finally:
            for home in homes:
                home.discard(hints)
            for topic in topics:
                if not self._listeners.get(topic, True):
                    del self._listeners[topic]

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await self._follow(channel)
            except (RedisError, OSError) as error:
                self._ready.clear()
                self.tell([ANYTHING])
                log.warning("events: Redis is lost (%s); trying again", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, channel: PubSub) -> None:
        await channel.subscribe(CHANNEL)
        while True:
            message = await channel.get_message(timeout=5.0)
            if message is None:
                await channel.ping()
            elif message["type"] == "subscribe":
                self._ready.set()
                self._ring_all()
            elif message["type"] == "message":
                self._ring(message["data"].decode().split("\n"))

    def _ring(self, topics: list[str]) -> None:
        self.tell(topics)
        for topic in topics:
            for hints in (*self._listeners.get(topic, ()), *self._everything):
                hints.ring(topic)

    def _ring_all(self) -> None:
        self.tell([ANYTHING])
        for topic, listeners in self._listeners.items():
            for hints in listeners:
                hints.ring(topic)
        for hints in self._everything:
            hints.ring(ANYTHING)
