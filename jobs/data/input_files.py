"""Bring the files of an operation to this machine, several at once, and keep them there until it has run."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from models.data.input_labels import labels
from models.services.data.sources.registry import Sources
from models.services.data.sources.source import Asker, Fetched

AT_ONCE = 4
LOCATING = frozenset({"source", "basename"})
"""What of an item says only where its file is; all else is in the key of the result."""


class Fetching:
    """Fetches with the rights of one asker; what it brought stays while `stack` is open."""

    def __init__(self, sources: Sources, asker: Asker, stack: AsyncExitStack) -> None:
        """Pin everything in `stack`."""
        self._sources, self._asker, self._stack = sources, asker, stack
        self._places = asyncio.Semaphore(AT_ONCE)
        self.names: dict[str, str] = {}
        """What the files are called, by label; the process that computes knows the labels alone."""

    async def all(self, inputs: Mapping[str, Any], tell: Callable[[float], None]) -> dict[str, Any]:
        """Return the inputs as a process takes them, each list of files as `{"frames": […]}`.

        `tell` is told which share of the files is here.
        """
        items = [item for value in inputs.values() if is_files(value) for item in value]
        files = await self._files(items, tell)
        marks = labels([file.sha256 for file in files])
        self.names = {mark: file.basename for mark, file in zip(marks, files, strict=True)}
        frames = map(_frame, items, files, marks)
        return {
            key: {"frames": [next(frames) for _ in value]} if is_files(value) else value
            for key, value in inputs.items()
        }

    async def _files(self, items: Sequence[Mapping[str, Any]], tell: Callable[[float], None]) -> list[Fetched]:
        there = 0

        async def one(item: Mapping[str, Any]) -> Fetched:
            nonlocal there
            async with self._places:
                file = await self._stack.enter_async_context(self._sources.fetch(item, self._asker))
            there += 1
            tell(there / len(items))
            return file

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(item)) for item in items]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return [task.result() for task in tasks]


def _frame(item: Mapping[str, Any], file: Fetched, label: str) -> dict[str, Any]:
    """Return a file as a process takes it, without what it is called and where it comes from."""
    said = {key: value for key, value in item.items() if key not in LOCATING}
    return {"path": str(file.path), "label": label, "sha256": file.sha256, "parameters": said}


def is_files(value: object) -> bool:
    """Say whether the canonical value of an input is a list of files."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, Mapping) and "source" in each for each in value)
    )
