"""Shares running work by key among all callers that ask for it; caches and the proxy's admission use it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class InFlight(Generic[K, V]):
    """The running tasks by key. Nothing is kept after a task has ended."""

    def __init__(self) -> None:
        """Start with no work."""
        self._tasks: dict[K, asyncio.Task[V]] = {}

    def __contains__(self, key: K) -> bool:
        """Return whether work of this key is running."""
        return key in self._tasks

    async def share(self, key: K, start: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the result of the key's running work, else of the work that `start` returns; its error is raised.

        Cancelling one caller cancels neither the work nor the other callers.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(start())
            task.add_done_callback(lambda ended: self._finish(key, ended))
        return await asyncio.shield(task)

    def _finish(self, key: K, task: asyncio.Task[V]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            task.exception()  # Retrieve it: every caller may have been cancelled.
