"""A data loader: batches the loads of one event-loop iteration into one read, and caches the values."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class DataLoader(Generic[K, V]):
    """Loads values by key for one GraphQL operation, each key once.

    Never await one inside a transaction: its read may run outside and would wait for the end of the transaction.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """Load with `read`, which returns the values in the order of the keys."""
        self._read = read
        self._values: dict[K, V] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._queued: list[K] = []

    async def load(self, key: K) -> V:
        """Return the value of one key."""
        if key not in self._values:
            await self._fetch([key])
        return self._values[key]

    async def load_many(self, keys: Sequence[K]) -> list[V]:
        """Return the values in the order of the keys."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._values]
        if missing:
            await self._fetch(missing)
        return [self._values[key] for key in keys]

    async def _fetch(self, keys: Iterable[K]) -> None:
        tasks = {self._tasks.get(key) or self._enqueue(key) for key in keys}
        for task in tasks:
            await asyncio.shield(task)

    def _enqueue(self, key: K) -> asyncio.Task[None]:
        if not self._queued:
            task = asyncio.create_task(self._run())
            # Read the exception, so that asyncio does not log it if no caller awaits the task any more.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        else:
            task = self._tasks[self._queued[0]]
        self._queued.append(key)
        self._tasks[key] = task
        return task

    async def _run(self) -> None:
        keys, self._queued = self._queued, []
        try:
            self._values.update(zip(keys, await self._read(keys), strict=True))
        finally:
            for key in keys:
                del self._tasks[key]
