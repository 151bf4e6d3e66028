"""The sources of an installation: those of this package, and those of installed plugins."""

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from core.errors import BadInput, CarrelError
from core.security.encryption import open_secret_box
from core.settings import Settings
from core.storage.file_cache import FileCache
from core.storage.frame_archive import FrameArchive
from core.storage.object_store import Storage
from models.services.data.sources.archive import ArchiveSource
from models.services.data.sources.datasession import DatasessionSource
from models.services.data.sources.source import FileRequester, LocalFile, ResolvedFile, Source
from models.services.data.sources.storage import StorageSource
from models.services.data.sources.upload import UploadSource

log = logging.getLogger(__name__)
ENTRY_POINT_GROUP = "carrel.sources"
MAX_BASENAME_LENGTH = 1024


@dataclass(frozen=True)
class Sources:
    """The sources by name."""

    by_name: Mapping[str, Source]

    def get(self, name: object, path: tuple[str, ...] = ()) -> Source:
        """Return the source with this name; BadInput with the existing names otherwise."""
        source = self.by_name.get(name) if isinstance(name, str) else None
        if source is None:
            raise BadInput(
                f"There is no source {str(name)[:64]!r}. The sources are: {', '.join(self.by_name)}.", path=path
            )
        return source

    async def resolve(self, item: Mapping[str, Any], requester: FileRequester, path: tuple[str, ...]) -> ResolvedFile:
        """Resolve the item in its source; BadInput at `path` if the requester may not use it."""
        source = self.get(item.get("source"), (*path, "source"))
        basename = _checked_basename(item.get("basename"), (*path, "basename"))
        try:
            return await source.resolve(basename, requester)
        except CarrelError as error:
            raise BadInput(error.message, path=(*path, "basename")) from error

    def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AbstractAsyncContextManager[LocalFile]:
        """Provide a local copy of the item's file while the context is open."""
        return self.get(item.get("source")).fetch(item, requester)


def _checked_basename(basename: object, path: tuple[str, ...]) -> str:
    """Return the basename; BadInput if it is empty, too long or not printable."""
    if not isinstance(basename, str) or not 0 < len(basename) <= MAX_BASENAME_LENGTH or not basename.isprintable():
        raise BadInput(f"A file has a basename of 1 to {MAX_BASENAME_LENGTH} printable characters.", path=path)
    return basename


def open_cache(settings: Settings) -> FileCache:
    """Return the cache of input files, which all workers of this data folder share."""
    return FileCache(settings.data_dir / "frames", settings.frame_cache_bytes)


def open_sources(settings: Settings, storage: Storage) -> Sources:
    """Return the sources. An entry point of group `carrel.sources` names a function of settings, storage and cache."""
    cache, limit = open_cache(settings), settings.frame_bytes_limit
    archive = FrameArchive(settings.archive_url, settings.archive_seconds, limit) if settings.archive_url else None
    builtin: list[Source] = [
        ArchiveSource(archive, cache, open_secret_box(settings)),
        UploadSource(storage, cache, limit),
        StorageSource(settings.data_prefixes.split(), settings.data_endpoint, cache, limit),
        DatasessionSource(storage, cache, limit),
    ]
    found = {source.name: source for source in builtin}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        source: Source = entry_point.load()(settings, storage, cache)
        if found.setdefault(source.name, source) is not source:
            log.error("Source %s of plugin %s ignored: the name is already used.", source.name, entry_point.value)
    return Sources(found)
