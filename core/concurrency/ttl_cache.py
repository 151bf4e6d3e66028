"""A cache with a short time to live whose concurrent misses share one load; used for principals.

Events of the bus invalidate entries at once. Entries expire after one TTL even if Redis is down.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from core.concurrency.in_flight import InFlight
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


class SingleFlightCache(Generic[K, V]):
    """Values by key. Concurrent callers of a missing key share one load."""

    def __init__(self, bus: EventBus, *, ttl_seconds: float = TTL_SECONDS, max_entries: int = MAX_ENTRIES) -> None:
        """Hold at most `max_entries` values for `ttl_seconds` each, and invalidate them on events of `bus`."""
        self._ttl_seconds, self._max_entries = ttl_seconds, max_entries
        self._entries: dict[K, tuple[float, CacheEntry[V]]] = {}
        self._keys_by_topic: defaultdict[str, set[K]] = defaultdict(set)
        self._loads: InFlight[K, V] = InFlight()
        self._changed: dict[K, set[str]] = {}
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
        return await self._loads.share(key, lambda: self._load(key, load))

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
        for changed in self._changed.values():
            changed.add(topic)

    async def _load(self, key: K, load: Callable[[], Awaitable[CacheEntry[V]]]) -> V:
        changed = self._changed[key] = set()
        try:
            # Callers that joined after a change must not get the value from before it: load again.
            for _ in range(LOAD_ATTEMPTS):
                changed.clear()
                entry = await load()
                if RESYNC not in changed and changed.isdisjoint(entry.topics):
                    self.put(key, entry)
                    break
            return entry.value
        finally:
            del self._changed[key]

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
