"""The context of data operations: settings, storage, file sources and the process pool, opened once per worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.settings import Settings
from core.storage.object_store import Storage
from jobs.data.process_pool import ProcessPool
from models.services.data.sources.registry import Sources, open_cache, open_sources


@dataclass(frozen=True)
class DataContext:
    """The settings, storage, sources and processes of every data operation of a worker."""

    settings: Settings
    storage: Storage
    sources: Sources
    pool: ProcessPool


@asynccontextmanager
async def open_data_context(settings: Settings, storage: Storage) -> AsyncIterator[DataContext]:
    """Reconcile the file cache and open the process pool; end its processes on exit."""
    await asyncio.to_thread(open_cache(settings).reconcile)
    pool = ProcessPool(settings.data_processes, settings.data_memory_mib)
    try:
        yield DataContext(settings, storage, open_sources(settings, storage), pool)
    finally:
        await pool.close()


def get_data_context(context: Mapping[str, Any]) -> DataContext:
    """Return the DataContext that the worker put into the job's context."""
    data_context = context["data_context"]
    if not isinstance(data_context, DataContext):
        raise TypeError("The job's context has no DataContext; put one under data_context.")
    return data_context
