"""Answers that were found a moment ago: good for a second, and dropped at once when what they rest on changes.

Without a hint an answer outlives its second never, whatever became of Redis meanwhile.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

from core.messaging.event_bus import ANYTHING, EventBus

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
SECONDS = 1.0
KEPT = 10_000
ATTEMPTS = 3
"""How often a search is repeated because something changed while it ran, before its answer is given and not kept."""


@dataclass(frozen=True)
class Found(Generic[V]):
    """An answer, and the topics whose change ends it."""

    value: V
    topics: Collection[str]


@dataclass(eq=False)
class Search(Generic[V]):
    """A search that runs: all who ask meanwhile wait for it, and it notes what changes."""

    task: asyncio.Task[V]
    heard: set[str] = field(default_factory=set)


class Remembered(Generic[K, V]):
    """Answers by the key of their question; many who ask at once ask once."""

    def __init__(self, bus: EventBus, *, seconds: float = SECONDS, kept: int = KEPT) -> None:
        """Keep at most `kept` answers for `seconds` each, and drop them at hints of `bus`."""
        self._seconds, self._kept = seconds, kept
        self._answers: dict[K, tuple[float, Found[V]]] = {}
        self._keys: defaultdict[str, set[K]] = defaultdict(set)
        self._searches: dict[K, Search[V]] = {}
        bus.attend(self.drop)

    def known(self, key: K) -> V | None:
        """Return an answer that is still good, without asking."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        until, found = kept
        if monotonic() < until:
            return found.value
        self._forget(key)
        return None

    async def ask(self, key: K, find: Callable[[], Awaitable[Found[V]]]) -> V:
        """Return a good answer, else the one that `find` gives now; what it raises is raised and not remembered."""
        known = self.known(key)
        if known is not None:
            return known
        search = self._searches.get(key)
        if search is None:
            search = self._searches[key] = Search(asyncio.create_task(self._search(key, find)))
            search.task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(search.task)

    def keep(self, key: K, found: Found[V]) -> None:
        """Remember an answer that was found just now."""
        self._forget(key)
        if len(self._answers) >= self._kept:
            self._make_room()
        self._answers[key] = (monotonic() + self._seconds, found)
        for topic in found.topics:
            self._keys[topic].add(key)

    def drop(self, topic: str) -> None:
        """Forget what rests on the topic."""
        for key in list(self._answers) if topic == ANYTHING else list(self._keys.get(topic, ())):
            self._forget(key)
        for search in self._searches.values():
            search.heard.add(topic)

    async def _search(self, key: K, find: Callable[[], Awaitable[Found[V]]]) -> V:
        """Search until nothing that the answer rests on changed meanwhile: who asked since knows of the change."""
        for _ in range(ATTEMPTS):
            heard = self._searches[key].heard
            heard.clear()
            found = await find()
            if ANYTHING not in heard and heard.isdisjoint(found.topics):
                self.keep(key, found)
                break
        return found.value

    def _ended(self, key: K, done: asyncio.Task[V]) -> None:
        self._searches.pop(key, None)
        if not done.cancelled():
            done.exception()  # Whoever waits is told; a search that nobody waits for any more fails in silence.

    def _forget(self, key: K) -> None:
        kept = self._answers.pop(key, None)
        for topic in kept[1].topics if kept else ():
            keys = self._keys[topic]
            keys.discard(key)
            if not keys:
                del self._keys[topic]

    def _make_room(self) -> None:
        """Forget what is no longer good, and if that is nothing, the older half."""
        at = monotonic()
        old = [key for key, (until, _) in self._answers.items() if until <= at]
        for key in old or list(self._answers)[: self._kept // 2]:
            self._forget(key)
