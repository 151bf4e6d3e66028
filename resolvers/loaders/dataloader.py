"""A loader: values by key, each read once, all that are asked for in one turn of the loop by one call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Loader(Generic[K, V]):
    """Loads values for one operation, and keeps them as long as it lives.

    Never await one inside a transaction: its call may have begun outside, and would wait for the transaction's end.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """Load by `read`, which returns the values of keys in their order."""
        self._read = read
        self._values: dict[K, V] = {}
        self._readings: dict[K, asyncio.Task[None]] = {}
        self._open: list[K] = []

    async def load(self, key: K) -> V:
        """Return the value of one key."""
        if key not in self._values:
            await self._fetch([key])
        return self._values[key]

    async def many(self, keys: Sequence[K]) -> list[V]:
        """Return the values of keys, in their order."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._values]
        if missing:
            await self._fetch(missing)
        return [self._values[key] for key in keys]

    async def _fetch(self, keys: Iterable[K]) -> None:
        readings = {self._readings.get(key) or self._joined(key) for key in keys}
        for reading in readings:
            await asyncio.shield(reading)

    def _joined(self, key: K) -> asyncio.Task[None]:
        """Let the call that is about to begin read this key as well."""
        if not self._open:
            task = asyncio.create_task(self._call())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        else:
            task = self._readings[self._open[0]]
        self._open.append(key)
        self._readings[key] = task
        return task

    async def _call(self) -> None:
        keys, self._open = self._open, []
        try:
            self._values.update(zip(keys, await self._read(keys), strict=True))
        finally:
            for key in keys:
                del self._readings[key]
