"""Batch items that arrive while a flush is running and flush them together next; used by the outbox and the worker."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Runs one flush at a time. A lone item is flushed without delay."""

    def __init__(self, flush: Callable[[list[T]], Awaitable[None]]) -> None:
        """Flush batches with `flush`; its error is raised to every caller with an item in the batch."""
        self._flush = flush
        self._pending: list[T] = []
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def submit(self, items: Iterable[T]) -> None:
        """Return when the items were flushed. Cancelling the caller does not remove its items from the batch."""
        self._pending += items
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._running), name="batcher")
        # Shielded: one cancelled caller must not cancel the flush of the others.
        await asyncio.shield(self._next)

    async def _run(self, previous: asyncio.Task[None] | None) -> None:
        if previous and not previous.done():
            await asyncio.wait({previous})
        self._running, self._next = self._next, None
        batch, self._pending = self._pending, []
        await self._flush(batch)
