"""The source `datasession`: an output of an operation, in this data session or another one, also a pending one."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from core.errors import BadInput, NotFound
from core.security import global_ids
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage
from models.data.dataoperations import ENDINGS, DataOperation, DataOperationState
from models.data.results import Result, StoredFile
from models.policies.data import dataoperations as policy
from models.services.data.sources.source import Admitted, Asker, Fetched, Source, copied

KIND = "DataOperation"
OUTPUT = re.compile(r"([A-Za-z0-9_]+)(?:-(\d{1,6}))?")


def output_name(operation_id: int, index: int) -> str:
    """Return the basename by which an output of an operation is an input of another."""
    return f"{global_ids.encode(KIND, operation_id)}-{index}"


class DatasessionSource(Source):
    """Outputs, named by the operation's id and the output's number: `ID-0`; `ID` alone is the first."""

    name = "datasession"
    description = "An output of an operation that you can see, as `ID-0`; one that is still computed is waited for."

    def __init__(self, storage: Storage, cache: FileCache, limit: int) -> None:
        """Read results from our own storage."""
        self._storage, self._cache, self._limit = storage, cache, limit

    async def admit(self, basename: str, asker: Asker) -> Admitted:
        """Look for the operation; one that has ended without a result cannot be read."""
        operation, index = await self._operation(basename, asker)
        if operation.state in ENDINGS - {DataOperationState.SUCCEEDED}:
            raise BadInput(f"{operation.name} is {operation.state} and has no outputs; run it again first.")
        if operation.state is DataOperationState.SUCCEEDED:
            _file(await Result.get(id=operation.result_id), index, operation)
        place = f"{KIND}-{operation.id:012d}-{index:06d}"
        return Admitted(output_name(operation.id, index), place, needs=frozenset({operation.id}))

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], asker: Asker) -> AsyncIterator[Fetched]:
        """Give a local copy of the output's FITS file."""
        operation, index = await self._operation(item["basename"], asker)
        result = await Result.get_or_none(id=operation.result_id) if operation.result_id else None
        if result is None:
            raise NotFound(f"{operation.name}, whose output is an input, has no result any more; run it again.")
        stored = _file(result, index, operation)
        async with copied(self._storage, stored["storage_key"], self._cache, stored["name"], self._limit) as fetched:
            yield fetched

    async def called(self, basename: str) -> str:
        """Return a file name made of the operation's name."""
        found = OUTPUT.fullmatch(basename)
        operation = await DataOperation.get_or_none(id=_key(found)) if found else None
        return f"{operation.name.lower().replace(' ', '-')}-{basename}.fits" if operation else basename

    async def _operation(self, basename: str, asker: Asker) -> tuple[DataOperation, int]:
        found = OUTPUT.fullmatch(basename)
        operation = await policy.readable(asker.principal).get_or_none(id=_key(found)) if found else None
        if operation is None or found is None:
            raise NotFound(f"There is no output {basename[:100]!r} that you can see; name one as the operation's ID-0.")
        return operation, int(found[2] or 0)


def _key(found: re.Match[str]) -> int:
    return global_ids.key_of(KIND, found[1]) or 0


def _file(result: Result, index: int, operation: DataOperation) -> StoredFile:
    files = {file["index"]: file for file in result.files if file["kind"] == "fits"}
    if index not in files:
        known = ", ".join(map(str, sorted(files))) or "none"
        raise BadInput(f"{operation.name} has no output {index} that is a FITS file; there are: {known}.")
    return files[index]
