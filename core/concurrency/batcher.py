"""What comes while others are under way leaves together as soon as they are there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """One conversation after the other, each for all who came meanwhile; who comes alone is not kept waiting."""

    def __init__(self, leave: Callable[[list[T]], Awaitable[None]]) -> None:
        """Send what has gathered by `leave`; what it raises is raised to all who were in it."""
        self._leave = leave
        self._waiting: list[T] = []
        self._leaving: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def submit(self, items: Iterable[T]) -> None:
        """Return when these have left; they leave also when whoever brought them is cancelled."""
        self._waiting += items
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._leaving), name="convoy")
        await asyncio.shield(self._next)

    async def _run(self, before: asyncio.Task[None] | None) -> None:
        if before and not before.done():
            await asyncio.wait({before})
        self._leaving, self._next = self._next, None
        batch, self._waiting = self._waiting, []
        await self._leave(batch)
