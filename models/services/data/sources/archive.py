"""The source `archive`: an HTTP archive of frames, read with the caller's own token there."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.security.encryption import Sealer
from core.storage.file_cache import FileCache
from core.storage.frame_archive import FrameArchive
from models.services.data import source_credentials
from models.services.data.sources.source import Admitted, Asker, Fetched, Source

BASENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,254}")


class ArchiveSource(Source):
    """Frames of an archive. A copy is kept here, and given only to whom the archive gives the frame at that moment."""

    name = "archive"
    description = "The frame archive of this installation, read with your own token there, else as anybody."

    def __init__(self, archive: FrameArchive | None, cache: FileCache, sealer: Sealer) -> None:
        """Read `archive`; None when the installation has none."""
        self._archive, self._cache, self._sealer = archive, cache, sealer

    async def admit(self, basename: str, asker: Asker) -> Admitted:  # noqa: ARG002
        """Check the form of the name; the archive itself is asked when the frame is fetched."""
        self._known()
        if not BASENAME.fullmatch(basename):
            raise BadInput(f"{basename[:100]!r} cannot be the name of a frame: letters, digits, dots and dashes.")
        return Admitted(basename)

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], asker: Asker) -> AsyncIterator[Fetched]:
        """Ask the archive with the caller's token, and then give the copy, or fetch it."""
        archive = self._known()
        token = await source_credentials.token_of(asker.principal.user_id, self.name, self._sealer)
        located = await archive.locate(item["basename"], token)

        async def fill(path: Path) -> None:
            await archive.fetch(located, path)

        async with self._cache.held(f"archive:{located.basename}:{located.filename}:{located.md5}", fill) as kept:
            yield Fetched(kept.path, located.basename, kept.sha256)

    async def called(self, basename: str) -> str:
        """Return the name of the frame's file as it usually is."""
        return basename if ".fits" in basename else f"{basename}.fits"

    def _known(self) -> FrameArchive:
        if self._archive is None:
            raise BadInput("This installation has no frame archive; use another source, or set CARREL_ARCHIVE_URL.")
        return self._archive
