"""The sources of an installation: those of this package, and those that installed packages bring."""

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from core.errors import BadInput, CarrelError
from core.security.encryption import open_sealer
from core.settings import Settings
from core.storage.file_cache import FileCache
from core.storage.frame_archive import FrameArchive
from core.storage.object_store import Storage
from models.services.data.sources.archive import ArchiveSource
from models.services.data.sources.datasession import DatasessionSource
from models.services.data.sources.source import Admitted, Asker, Fetched, Source, admissible
from models.services.data.sources.storage import StorageSource
from models.services.data.sources.upload import UploadSource

log = logging.getLogger(__name__)
GROUP = "carrel.sources"


@dataclass(frozen=True)
class Sources:
    """Every source by its name."""

    by_name: Mapping[str, Source]

    def named(self, name: object, path: tuple[str, ...] = ()) -> Source:
        """Return the source of that name; BadInput lists those there are."""
        source = self.by_name.get(name) if isinstance(name, str) else None
        if source is None:
            raise BadInput(f"There is no source {str(name)[:64]!r}; there are {', '.join(self.by_name)}.", path=path)
        return source

    async def admit(self, item: Mapping[str, Any], asker: Asker, path: tuple[str, ...]) -> Admitted:
        """Ask the item's source whether the asker may name the file; a refusal is about `path`."""
        source = self.named(item.get("source"), (*path, "source"))
        basename = admissible(item.get("basename"), (*path, "basename"))
        try:
            return await source.admit(basename, asker)
        except CarrelError as refusal:
            raise BadInput(refusal.message, path=(*path, "basename")) from refusal

    def fetch(self, item: Mapping[str, Any], asker: Asker) -> AbstractAsyncContextManager[Fetched]:
        """Bring the item's file to this machine while the context is open."""
        return self.named(item.get("source")).fetch(item, asker)


def open_cache(settings: Settings) -> FileCache:
    """Return the cache of files that operations read, which all workers over this data folder share."""
    return FileCache(settings.data_dir / "frames", settings.frame_cache_bytes)


def open_sources(settings: Settings, storage: Storage) -> Sources:
    """Return the sources; an entry point of `carrel.sources` names a function of settings, storage and cache."""
    cache, limit = open_cache(settings), settings.frame_bytes_limit
    archive = FrameArchive(settings.archive_url, settings.archive_seconds, limit) if settings.archive_url else None
    own: list[Source] = [
        ArchiveSource(archive, cache, open_sealer(settings)),
        UploadSource(storage, cache, limit),
        StorageSource(settings.data_prefixes.split(), settings.data_endpoint, cache, limit),
        DatasessionSource(storage, cache, limit),
    ]
    found = {source.name: source for source in own}
    for point in entry_points(group=GROUP):
        source: Source = point.load()(settings, storage, cache)
        if found.setdefault(source.name, source) is not source:
            log.error("the source %s of %s takes a name that is in use; it is left out", source.name, point.value)
    return Sources(found)
