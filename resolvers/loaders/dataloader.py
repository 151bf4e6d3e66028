"""A data loader: batches the loads of one event-loop iteration into one read, and caches the values."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from core.concurrency.batch_loader import Batch, BatchLoader

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class DataLoader(Generic[K, V]):
    """Loads values by key for one GraphQL operation, each key once.

    Never await one inside a transaction: its read may run outside and would wait for the end of the transaction.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        """Load with `read`, which returns the values in the order of the keys."""
        self._read = read
        self._values: dict[K, V] = {}
        self._running: dict[K, Batch[K, V]] = {}
        self._batches = BatchLoader(self._read_batch)

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

    async def _fetch(self, keys: Sequence[K]) -> None:
        new = [key for key in keys if key not in self._running]
        if new:
            self._running.update(dict.fromkeys(new, self._batches.join(new)))
        for batch in {self._running[key] for key in keys}:
            await batch.wait()

    async def _read_batch(self, keys: Collection[K]) -> Mapping[K, V]:
        try:
            found = dict(zip(keys, await self._read(list(keys)), strict=True))
            self._values.update(found)
            return found
        finally:
            for key in keys:
                del self._running[key]
