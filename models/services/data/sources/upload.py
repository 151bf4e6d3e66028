"""The source `upload`: files that users uploaded."""

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
from models.services.data.sources.source import FileRequester, LocalFile, ResolvedFile, Source, local_copy


class UploadSource(Source):
    """Uploads by their id. Every user who may compute in a data session can read its uploads there."""

    name = "upload"
    description = "A complete upload of yours, named by its id, or one that the data session has."

    def __init__(self, storage: Storage, cache: FileCache, limit: int) -> None:
        """Read uploads from `storage`, up to `limit` bytes per file."""
        self._storage, self._cache, self._limit = storage, cache, limit

    async def resolve(self, basename: str, requester: FileRequester) -> ResolvedFile:
        """Find the upload among the caller's own and those of the data session."""
        upload = await self._upload(basename, requester)
        sort_key = f"{upload.filename}\n{upload.id:012d}"
        return ResolvedFile(global_ids.encode("Upload", upload.id), sort_key, upload_ids=frozenset({upload.id}))

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AsyncIterator[LocalFile]:
        """Return a local copy."""
        upload = await self._upload(item["basename"], requester)
        async with local_copy(self._storage, upload.storage_key, self._cache, upload.filename, self._limit) as fetched:
            yield fetched

    async def display_name(self, basename: str) -> str:
        """Return the file name that the uploader gave."""
        upload = await Upload.get_or_none(id=global_ids.key_of("Upload", basename) or 0)
        return upload.filename if upload else basename

    async def _upload(self, basename: str, requester: FileRequester) -> Upload:
        key = global_ids.key_of("Upload", basename) or 0
        upload = await policy.readable(requester.principal).get_or_none(id=key)
        if upload is None and requester.datasession is not None:
            link = DatasessionUpload.filter(upload_id=key, datasession_id=requester.datasession.id)
            upload = await Upload.get(id=key) if await link.exists() else None
        if upload is None or upload.state is UploadState.WAITING:
            raise NotFound(f"There is no complete upload {basename[:100]!r} that you can see. Name one by its id.")
        return upload
