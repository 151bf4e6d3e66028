"""Fetches the input files of a data operation concurrently and pins them in the cache until the operation has run."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from models.data.input_labels import labels
from models.services.data.sources.source import FileRequester, LocalFile

if TYPE_CHECKING:  # Archives of functions lack the libraries of some sources.
    from models.services.data.sources.registry import Sources

MAX_CONCURRENT_FETCHES = 4
LOCATION_FIELDS = frozenset({"source", "basename"})
"""Fields of an item that locate its file; all others are part of the key of the result."""


class InputFetcher:
    """Fetches with the permissions of one requester; files stay pinned while `stack` is open."""

    def __init__(self, sources: "Sources", requester: FileRequester, stack: AsyncExitStack) -> None:
        """Pin files in `stack`."""
        self._sources, self._requester, self._stack = sources, requester, stack
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_FETCHES)
        self.names: dict[str, str] = {}
        """Names of the files by label; the compute process gets the labels only."""

    async def fetch_all(self, inputs: Mapping[str, Any], on_progress: Callable[[float], None]) -> dict[str, Any]:
        """Return the inputs for a compute process, each list of files as `{"frames": […]}`.

        `on_progress` receives the fraction of files fetched so far.
        """
        items = [item for value in inputs.values() if is_file_list(value) for item in value]
        files = await self._files(items, on_progress)
        file_labels = labels([file.sha256 for file in files])
        self.names = {label: file.basename for label, file in zip(file_labels, files, strict=True)}
        frames = map(_to_frame, items, files, file_labels)
        return {
            key: {"frames": [next(frames) for _ in value]} if is_file_list(value) else value
            for key, value in inputs.items()
        }

    async def _files(self, items: Sequence[Mapping[str, Any]], on_progress: Callable[[float], None]) -> list[LocalFile]:
        fetched = 0

        async def fetch_one(item: Mapping[str, Any]) -> LocalFile:
            nonlocal fetched
            async with self._slots:
                file = await self._stack.enter_async_context(self._sources.fetch(item, self._requester))
            fetched += 1
            on_progress(fetched / len(items))
            return file

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetch_one(item)) for item in items]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]


def _to_frame(item: Mapping[str, Any], file: LocalFile, label: str) -> dict[str, Any]:
    # Without name and source, so that neither can get into a shared result.
    parameters = {key: value for key, value in item.items() if key not in LOCATION_FIELDS}
    return {"path": str(file.path), "label": label, "sha256": file.sha256, "parameters": parameters}


def is_file_list(value: object) -> bool:
    """Return whether the canonical value of an input is a list of files."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and "source" in item for item in value)
    )
