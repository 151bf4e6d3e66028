"""Keep what an operation made: its files in the storage, its table and its warnings in the rows."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from core.bytesize import MIB, readable
from core.storage.object_store import Storage
from jobs.data.process_pool import Refused, within
from models.data.dataoperations import DataOperation
from models.data.results import Result, ResultState, StoredFile
from models.services.data import operation_runs, results
from models.services.data.operation_runs import Progress

TABLE_LIMIT = 32 * MIB
AT_ONCE = 4
CONTENT_TYPES = {
    ".fits": "application/fits",
    ".fz": "application/fits",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".json": "application/json",
    ".csv": "text/csv",
}


async def keep(
    storage: Storage,
    operation: DataOperation,
    result: Result,
    done: Mapping[str, Any],
    folder: str,
    progress: Progress,
) -> None:
    """Store everything and record that the operation succeeded; when that does not hold, nothing is left behind."""
    paths = [within(Path(folder), output["path"]) for output in done["outputs"]]
    data = await asyncio.to_thread(_table, within(Path(folder), done["table"]))
    files = _planned(done["outputs"], paths)
    await results.note(result, files)
    try:
        await _store(storage, files, paths)
        await operation_runs.finish(operation, result, files, data, done["warnings"], progress)
    except BaseException:
        await asyncio.shield(_drop(storage, result, files))
        raise


async def _store(storage: Storage, files: Sequence[StoredFile], paths: Sequence[Path]) -> None:
    """Store the files, some at once; when one cannot be stored nothing is still being stored."""
    places = asyncio.Semaphore(AT_ONCE)

    async def put(file: StoredFile, path: Path) -> None:
        async with places:
            stored = await storage.put(file["storage_key"], _chunks(path), limit=None)
        file["size"], file["sha256"] = stored.size, stored.sha256

    try:
        async with asyncio.TaskGroup() as group:
            for file, path in zip(files, paths, strict=True):
                group.create_task(put(file, path))
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None


def _planned(outputs: Sequence[Mapping[str, Any]], paths: Sequence[Path]) -> list[StoredFile]:
    files: list[StoredFile] = []
    place = token_hex(16)
    for output, path in zip(outputs, paths, strict=True):
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name).lstrip(".-_") or "file"
        if any(name == file["name"] for file in files):
            name = f"{len(files)}-{name}"
        kind = CONTENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
        files.append(
            StoredFile(
                name=name,
                index=output["index"] or 0,
                kind=output["kind"],
                content_type=kind,
                size=0,
                sha256="",
                storage_key=f"results/{place}/{name}",
            )
        )
    return files


def _table(path: Path) -> Any:
    if path.stat().st_size > TABLE_LIMIT:
        raise Refused(f"The table of the result is larger than {readable(TABLE_LIMIT)}.", again=False)
    return orjson.loads(path.read_bytes())


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, MIB):
            yield chunk


async def _drop(storage: Storage, result: Result, files: Sequence[StoredFile]) -> None:
    if await Result.filter(id=result.id, state=ResultState.READY).exists():
        return  # All was recorded before whatever broke off here.
    for file in files:
        await storage.delete(file["storage_key"])
