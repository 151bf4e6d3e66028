"""Stores the result of a data operation: output files in the storage, table and warnings in the database."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from core.bytesize import MIB, format_bytes
from jobs.data.process_pool import OperationRefused, resolve_output
from models.data.dataoperations import DataOperation
from models.data.results import Result, ResultState, StoredFile
from models.services.data import operation_runs, results
from models.services.data.operation_runs import Progress

if TYPE_CHECKING:  # Archives of functions without files lack the storage library.
    from core.storage.object_store import Storage

TABLE_LIMIT = 32 * MIB
MAX_CONCURRENT_UPLOADS = 4
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


async def store_result(
    storage: "Storage",
    operation: DataOperation,
    result: Result,
    outcome: Mapping[str, Any],
    folder: str,
    progress: Progress,
) -> None:
    """Store the files and record the success; delete the files again when recording fails."""
    paths = [resolve_output(Path(folder), output["path"]) for output in outcome["outputs"]]
    data = await asyncio.to_thread(_read_table, resolve_output(Path(folder), outcome["table"]))
    files = _plan_files(outcome["outputs"], paths)
    # The keys are recorded before the upload, so the sweep finds the files of a worker that dies here.
    await results.record_files(result, files)
    try:
        await _store_files(storage, files, paths)
        await operation_runs.finish(operation, result, files, data, outcome["warnings"], progress)
    except BaseException:
        await asyncio.shield(_delete_files(storage, result, files))
        raise


async def _store_files(storage: "Storage", files: Sequence[StoredFile], paths: Sequence[Path]) -> None:
    """Upload the files concurrently; when one upload fails, the others have been cancelled on return."""
    slots = asyncio.Semaphore(MAX_CONCURRENT_UPLOADS)

    async def put(file: StoredFile, path: Path) -> None:
        async with slots:
            stored = await storage.put(file["storage_key"], _read_chunks(path), limit=None)
        file["size"], file["sha256"] = stored.size, stored.sha256

    try:
        async with asyncio.TaskGroup() as group:
            for file, path in zip(files, paths, strict=True):
                group.create_task(put(file, path))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _plan_files(outputs: Sequence[Mapping[str, Any]], paths: Sequence[Path]) -> list[StoredFile]:
    files: list[StoredFile] = []
    folder_token = token_hex(16)
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
                storage_key=f"results/{folder_token}/{name}",
            )
        )
    return files


def _read_table(path: Path) -> Any:
    if path.stat().st_size > TABLE_LIMIT:
        raise OperationRefused(
            f"The table of the result is larger than {format_bytes(TABLE_LIMIT)}; use fewer frames.", retryable=False
        )
    return orjson.loads(path.read_bytes())


async def _read_chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, MIB):
            yield chunk


async def _delete_files(storage: "Storage", result: Result, files: Sequence[StoredFile]) -> None:
    if await Result.filter(id=result.id, state=ResultState.READY).exists():
        return  # The result was committed before the error, so its files are in use.
    for file in files:
        await storage.delete(file["storage_key"])
