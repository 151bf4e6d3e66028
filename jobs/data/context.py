"""What data operations have at hand: settings, storage, the sources of files, and processes that compute."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.settings import Settings
from core.storage.object_store import Storage
from jobs.data.process_pool import Workshop
from models.services.data.sources.registry import Sources, open_cache, open_sources


@dataclass(frozen=True)
class Laboratory:
    """The surroundings of every data operation of one worker."""

    settings: Settings
    storage: Storage
    sources: Sources
    workshop: Workshop


@asynccontextmanager
async def open_laboratory(settings: Settings, storage: Storage) -> AsyncIterator[Laboratory]:
    """Open one, the cache of files put in order; its processes end with the context."""
    await asyncio.to_thread(open_cache(settings).reconcile)
    workshop = Workshop(settings.data_processes, settings.data_memory_mib)
    try:
        yield Laboratory(settings, storage, open_sources(settings, storage), workshop)
    finally:
        await workshop.close()


def laboratory_of(context: Mapping[str, Any]) -> Laboratory:
    """Return the laboratory that the worker put into the job's context."""
    laboratory = context["laboratory"]
    if not isinstance(laboratory, Laboratory):
        raise TypeError("The worker has no laboratory.")
    return laboratory
