"""Coalesces loads requested in the same event-loop iteration into one call; data loaders and live rows use it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(eq=False)
class Batch(Generic[K, V]):
    """The keys of one event-loop iteration in the order of their requests, and their values once they are read."""

    keys: dict[K, None] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    values: Mapping[K, V] = field(default_factory=dict)
    error: BaseException | None = None
    task: asyncio.Task[None] | None = None

    async def wait(self) -> Mapping[K, V]:
        """Return the values when they are read, or raise the error of the read. Callers may be cancelled one by one."""
        await self.done.wait()  # An event: with 1000 waiters a shielded task costs three times as much.
        if self.error is not None:
            raise self.error
        return self.values


class BatchLoader(Generic[K, V]):
    """Collects the keys requested in one event-loop iteration and reads all of them with one call."""

    def __init__(self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """Read with `read`, which omits keys without a value; its error is raised to every caller of the batch."""
        self._read = read
        self._open: Batch[K, V] | None = None

    async def load(self, key: K) -> V | None:
        """Return the current value of `key`, or None when it has none."""
        return (await self.join((key,)).wait()).get(key)

    def join(self, keys: Iterable[K]) -> Batch[K, V]:
        """Add the keys to the batch of this event-loop iteration and return it."""
        batch = self._open
        if batch is None:
            batch = self._open = Batch()
            batch.task = asyncio.create_task(self._run(batch))
        for key in keys:
            batch.keys[key] = None
        return batch

    async def _run(self, batch: Batch[K, V]) -> None:
        try:
            await asyncio.sleep(0)
            # Close the batch before reading: a later caller may know of a change that this read misses.
            self._open = None
            batch.values = await self._read(batch.keys.keys())
        except Exception as error:  # noqa: BLE001 - it is raised to every caller
            batch.error = error
        except asyncio.CancelledError as cancelled:
            batch.error = cancelled
            raise
        finally:
            if self._open is batch:
                self._open = None
            batch.done.set()
