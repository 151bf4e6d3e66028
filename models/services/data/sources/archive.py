"""The source `archive`: an HTTP archive of frames, read with the caller's own archive token."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.security.encryption import SecretBox
from core.storage.file_cache import FileCache
from core.storage.frame_archive import FrameArchive
from models.services.data import source_credentials
from models.services.data.sources.source import FileRequester, LocalFile, ResolvedFile, Source

BASENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,254}")


class ArchiveSource(Source):
    """Frames of an archive. Cached copies are given only to callers that may read the frame in the archive now."""

    name = "archive"
    description = "The frame archive of this installation, read with your own token there, else as anybody."

    def __init__(self, archive: FrameArchive | None, cache: FileCache, sealer: SecretBox) -> None:
        """Read from `archive`; None if the installation has none."""
        self._archive, self._cache, self._sealer = archive, cache, sealer

    async def resolve(self, basename: str, requester: FileRequester) -> ResolvedFile:  # noqa: ARG002
        """Check the form of the name. The archive checks the rest when the frame is fetched."""
        self._require_archive()
        if not BASENAME.fullmatch(basename):
            raise BadInput(
                f"{basename[:100]!r} is no name of a frame. A name has letters, digits, dots, dashes, _ and +."
            )
        return ResolvedFile(basename)

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AsyncIterator[LocalFile]:
        """Locate the frame with the caller's token, then use the cached copy or download it."""
        archive = self._require_archive()
        token = await source_credentials.read_token(requester.principal.user_id, self.name, self._sealer)
        located = await archive.locate(item["basename"], token)

        async def fill(path: Path) -> None:
            await archive.fetch(located, path)

        async with self._cache.pin(f"archive:{located.basename}:{located.filename}:{located.md5}", fill) as cached:
            yield LocalFile(cached.path, located.basename, cached.sha256)

    async def display_name(self, basename: str) -> str:
        """Return the usual file name of the frame."""
        return basename if ".fits" in basename else f"{basename}.fits"

    def _require_archive(self) -> FrameArchive:
        if self._archive is None:
            raise BadInput("This installation has no frame archive. Use another source, or set CARREL_ARCHIVE_URL.")
        return self._archive
