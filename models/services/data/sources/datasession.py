"""The source `datasession`: outputs of operations in any visible data session. Operations may still be pending."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from core.errors import BadInput, NotFound
from core.security import global_ids
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage
from models.data.dataoperations import TERMINAL_STATES, DataOperation, DataOperationState
from models.data.results import Result, StoredFile
from models.policies.data import dataoperations as policy
from models.services.data.sources.source import FileRequester, LocalFile, ResolvedFile, Source, local_copy

NODE_TYPE = "DataOperation"
OUTPUT = re.compile(r"([A-Za-z0-9_]+)(?:-(\d{1,6}))?")


def output_name(operation_id: int, index: int) -> str:
    """Return the basename of an operation's output."""
    return f"{global_ids.encode(NODE_TYPE, operation_id)}-{index}"


class DatasessionSource(Source):
    """Outputs of operations, named by the operation's id and the output's number: `ID-0`. `ID` is the first output."""

    name = "datasession"
    description = "An output of an operation that you can see, as `ID-0`; one that is still computed is waited for."

    def __init__(self, storage: Storage, cache: FileCache, limit: int) -> None:
        """Read results from `storage`, up to `limit` bytes per file."""
        self._storage, self._cache, self._limit = storage, cache, limit

    async def resolve(self, basename: str, requester: FileRequester) -> ResolvedFile:
        """Find the operation; BadInput if it has ended without a result."""
        operation, index = await self._operation(basename, requester)
        if operation.state in TERMINAL_STATES - {DataOperationState.SUCCEEDED}:
            raise BadInput(f"{operation.name} is {operation.state} and has no outputs. Run it again first.")
        if operation.state is DataOperationState.SUCCEEDED:
            _file(await Result.get(id=operation.result_id), index, operation)
        sort_key = f"{NODE_TYPE}-{operation.id:012d}-{index:06d}"
        return ResolvedFile(output_name(operation.id, index), sort_key, operation_ids=frozenset({operation.id}))

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AsyncIterator[LocalFile]:
        """Return a local copy of the output's FITS file."""
        operation, index = await self._operation(item["basename"], requester)
        result = await Result.get_or_none(id=operation.result_id) if operation.result_id else None
        if result is None:
            raise NotFound(f"{operation.name}, whose output is an input, has no result any more. Run it again.")
        stored = _file(result, index, operation)
        async with local_copy(
            self._storage, stored["storage_key"], self._cache, stored["name"], self._limit
        ) as fetched:
            yield fetched

    async def display_name(self, basename: str) -> str:
        """Return a file name derived from the operation's name."""
        match = OUTPUT.fullmatch(basename)
        operation = await DataOperation.get_or_none(id=_key(match)) if match else None
        return f"{operation.name.lower().replace(' ', '-')}-{basename}.fits" if operation else basename

    async def _operation(self, basename: str, requester: FileRequester) -> tuple[DataOperation, int]:
        match = OUTPUT.fullmatch(basename)
        operation = await policy.readable(requester.principal).get_or_none(id=_key(match)) if match else None
        if operation is None or match is None:
            raise NotFound(f"There is no output {basename[:100]!r} that you can see. Name one by its operation: ID-0.")
        return operation, int(match[2] or 0)


def _key(match: re.Match[str]) -> int:
    return global_ids.key_of(NODE_TYPE, match[1]) or 0


def _file(result: Result, index: int, operation: DataOperation) -> StoredFile:
    files = {file["index"]: file for file in result.files if file["kind"] == "fits"}
    if index not in files:
        numbers = ", ".join(map(str, sorted(files))) or "none"
        raise BadInput(f"{operation.name} has no FITS output {index}. Its FITS outputs are: {numbers}.")
    return files[index]
