"""Bring the files of an operation to this machine, several at once, and keep them there until it has run."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from models.services.sources.known import Sources
from models.services.sources.source import Asker

AT_ONCE = 4


class Fetching:
    """Fetches with the rights of one asker; what it brought stays while `stack` is open."""

    def __init__(self, sources: Sources, asker: Asker, stack: AsyncExitStack) -> None:
        """Pin everything in `stack`."""
        self._sources, self._asker, self._stack = sources, asker, stack
        self._places = asyncio.Semaphore(AT_ONCE)
        self.basenames: list[str] = []
        """What the files are called, in the order of the inputs."""

    async def all(self, inputs: Mapping[str, Any], tell: Callable[[float], None]) -> dict[str, Any]:
        """Return the inputs as a process takes them, each list of files as `{"frames": […]}`.

        `tell` is told which share of the files is here.
        """
        items = [item for value in inputs.values() if is_files(value) for item in value]
        there = 0

        async def one(item: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal there
            async with self._places:
                frame = await self._frame(item)
            there += 1
            tell(there / len(items))
            return frame

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(item)) for item in items]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        frames = iter([task.result() for task in tasks])
        found = {
            key: {"frames": [next(frames) for _ in value]} if is_files(value) else value
            for key, value in inputs.items()
        }
        self.basenames = [task.result()["basename"] for task in tasks]
        return found

    async def _frame(self, item: Mapping[str, Any]) -> dict[str, Any]:
        fetched = await self._stack.enter_async_context(self._sources.fetch(item, self._asker))
        return {
            "path": str(fetched.path),
            "basename": fetched.basename,
            "source": item["source"],
            "sha256": fetched.sha256,
            "parameters": dict(item),
        }


def is_files(value: object) -> bool:
    """Say whether the canonical value of an input is a list of files."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, Mapping) and "source" in each for each in value)
    )
