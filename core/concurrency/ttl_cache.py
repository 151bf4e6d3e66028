"""A cache with a short time to live whose concurrent misses share one load; used for principals.

Events of the bus invalidate entries at once. Entries expire after one TTL even if Redis is down.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

from core.messaging.event_bus import RESYNC, EventBus

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
TTL_SECONDS = 1.0
MAX_ENTRIES = 10_000
LOAD_ATTEMPTS = 3
"""How often a load is repeated because its topics changed while it ran. The last value is returned and not cached."""


@dataclass(frozen=True)
class CacheEntry(Generic[V]):
    """A value, and the topics whose events invalidate it."""

    value: V
    topics: Collection[str]


@dataclass(eq=False)
class InFlight(Generic[V]):
    """A running load that all callers of its key share, and the topics that changed since it began."""

    task: asyncio.Task[V]
    changed: set[str] = field(default_factory=set)


class SingleFlightCache(Generic[K, V]):
    """Values by key. Concurrent callers of a missing key share one load."""

    def __init__(self, bus: EventBus, *, ttl_seconds: float = TTL_SECONDS, max_entries: int = MAX_ENTRIES) -> None:
        """Hold at most `max_entries` values for `ttl_seconds` each, and invalidate them on events of `bus`."""
        self._ttl_seconds, self._max_entries = ttl_seconds, max_entries
        self._entries: dict[K, tuple[float, CacheEntry[V]]] = {}
        self._keys_by_topic: defaultdict[str, set[K]] = defaultdict(set)
        self._in_flight: dict[K, InFlight[V]] = {}
        bus.add_listener(self.invalidate)

    def peek(self, key: K) -> V | None:
        """Return a cached value without loading, or None."""
        cached = self._entries.get(key)
        if cached is None:
            return None
        expires_at, entry = cached
        if monotonic() < expires_at:
            return entry.value
        self._remove(key)
        return None

    async def get_or_load(self, key: K, load: Callable[[], Awaitable[CacheEntry[V]]]) -> V:
        """Return the cached value, else load it; an error of `load` is raised and not cached."""
        cached = self.peek(key)
        if cached is not None:
            return cached
        flight = self._in_flight.get(key)
        if flight is None:
            flight = self._in_flight[key] = InFlight(asyncio.create_task(self._load(key, load)))
            flight.task.add_done_callback(lambda task: self._finish(key, task))
        # Shielded: other callers wait for the same load.
        return await asyncio.shield(flight.task)

    def put(self, key: K, entry: CacheEntry[V]) -> None:
        """Cache an entry that was loaded just now."""
        self._remove(key)
        if len(self._entries) >= self._max_entries:
            self._evict()
        self._entries[key] = (monotonic() + self._ttl_seconds, entry)
        for topic in entry.topics:
            self._keys_by_topic[topic].add(key)

    def invalidate(self, topic: str) -> None:
        """Remove the entries that depend on `topic`; RESYNC removes all."""
        for key in list(self._entries) if topic == RESYNC else list(self._keys_by_topic.get(topic, ())):
            self._remove(key)
        # The topics of a running load are unknown until it ends, so it collects all of them.
        for flight in self._in_flight.values():
            flight.changed.add(topic)

    async def _load(self, key: K, load: Callable[[], Awaitable[CacheEntry[V]]]) -> V:
        # Callers that joined after a change must not get the value from before it: load again.
        for _ in range(LOAD_ATTEMPTS):
            changed = self._in_flight[key].changed
            changed.clear()
            entry = await load()
            if RESYNC not in changed and changed.isdisjoint(entry.topics):
                self.put(key, entry)
                break
        return entry.value

    def _finish(self, key: K, task: asyncio.Task[V]) -> None:
        self._in_flight.pop(key, None)
        if not task.cancelled():
            task.exception()  # Retrieve it: every caller may have been cancelled.

    def _remove(self, key: K) -> None:
        cached = self._entries.pop(key, None)
        for topic in cached[1].topics if cached else ():
            keys = self._keys_by_topic[topic]
            keys.discard(key)
            if not keys:
                del self._keys_by_topic[topic]

    def _evict(self) -> None:
        """Remove the expired entries or, when there are none, the older half."""
        at = monotonic()
        expired = [key for key, (expires_at, _) in self._entries.items() if expires_at <= at]
        for key in expired or list(self._entries)[: self._max_entries // 2]:
            self._remove(key)
