"""Questions of one moment, answered together: a thousand who ask at once cost what one costs."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """Collects the keys that are asked for while the loop turns once, and reads all of them by one call."""

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Answer by `read`, which leaves out keys that have no answer; what it raises is raised to all who asked."""
        self._read = read
        self._open: tuple[set[K], asyncio.Task[Mapping[K, V]]] | None = None

    async def ask(self, key: K) -> V | None:
        """Return the answer as it is now; None when there is none."""
        if self._open is None:
            keys: set[K] = set()
            task = asyncio.create_task(self._answer(keys))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._open = (keys, task)
        asked, answers = self._open
        asked.add(key)
        return (await asyncio.shield(answers)).get(key)

    async def _answer(self, keys: set[K]) -> Mapping[K, V]:
        await asyncio.sleep(0)
        # Who asks from here on may know of a change that this reading misses, and begins another.
        self._open = None
        return await self._read(keys)
