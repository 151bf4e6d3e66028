"""The source `upload`: files that users sent here."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from core.errors import NotFound
from core.security import global_ids
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage
from models.data.datasessions import DatasessionUpload
from models.data.uploads import Upload, UploadState
from models.policies.data import uploads as policy
from models.services.data.sources.source import Admitted, Asker, Fetched, Source, copied


class UploadSource(Source):
    """Uploads, named by their id. One that is in a data session is read there by all who compute in it."""

    name = "upload"
    description = "A complete upload of yours, named by its id, or one that the data session has."

    def __init__(self, storage: Storage, cache: FileCache, limit: int) -> None:
        """Read uploads from our own storage."""
        self._storage, self._cache, self._limit = storage, cache, limit

    async def admit(self, basename: str, asker: Asker) -> Admitted:
        """Look for the upload among the caller's own and those of the data session."""
        upload = await self._upload(basename, asker)
        place = f"{upload.filename}\n{upload.id:012d}"
        return Admitted(global_ids.encode("Upload", upload.id), place, uploads=frozenset({upload.id}))

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], asker: Asker) -> AsyncIterator[Fetched]:
        """Give a local copy."""
        upload = await self._upload(item["basename"], asker)
        async with copied(self._storage, upload.storage_key, self._cache, upload.filename, self._limit) as fetched:
            yield fetched

    async def called(self, basename: str) -> str:
        """Return the file name that its uploader gave."""
        upload = await Upload.get_or_none(id=global_ids.key_of("Upload", basename) or 0)
        return upload.filename if upload else basename

    async def _upload(self, basename: str, asker: Asker) -> Upload:
        key = global_ids.key_of("Upload", basename) or 0
        upload = await policy.readable(asker.principal).get_or_none(id=key)
        if upload is None and asker.datasession is not None:
            link = DatasessionUpload.filter(upload_id=key, datasession_id=asker.datasession.id)
            upload = await Upload.get(id=key) if await link.exists() else None
        if upload is None or upload.state is UploadState.WAITING:
            raise NotFound(f"There is no complete upload {basename[:100]!r} that you can see; name one by its id.")
        return upload
