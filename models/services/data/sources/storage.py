"""The source `storage`: files in S3 or in a folder of the server, below URL prefixes that the operator allows."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.bytesize import format_bytes
from core.errors import BadInput
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage, open_storage, safe_key
from models.services.data.sources.source import FileRequester, LocalFile, ResolvedFile, Source

URL = re.compile(r"(s3|file)://[^?#\s]+")


class StorageSource(Source):
    """Files by their URL. Every caller can read all files below the allowed prefixes."""

    name = "storage"
    description = "A file by its URL, s3:// or file://, below one of the addresses that this installation allows."

    def __init__(self, prefixes: Sequence[str], endpoint: str | None, cache: FileCache, limit: int) -> None:
        """Allow URLs below `prefixes`; `endpoint` replaces the default endpoint of S3."""
        self._prefixes = [prefix.rstrip("/") + "/" for prefix in prefixes]
        self._endpoint, self._cache, self._limit = endpoint, cache, limit

    async def resolve(self, basename: str, requester: FileRequester) -> ResolvedFile:  # noqa: ARG002
        """Check that the URL is below an allowed prefix."""
        self._split(basename)
        return ResolvedFile(basename, f"{await self.display_name(basename)}\n{basename}")

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], requester: FileRequester) -> AsyncIterator[LocalFile]:  # noqa: ARG002
        """Return a local copy. Files can change, so the cache key contains the version of the object."""
        url = item["basename"]
        store, key = self._split(url)
        name = url.rsplit("/", 1)[-1]

        async def fill(path: Path) -> None:
            await _write(store, key, path, self._limit, name)

        version = await _version(store, key)
        async with self._cache.pin(f"storage:{url}:{version}", fill) as cached:
            yield LocalFile(cached.path, name, cached.sha256)

    async def display_name(self, basename: str) -> str:
        """Return the last part of the URL."""
        return basename.rsplit("/", 1)[-1]

    def _split(self, url: str) -> tuple[Storage, str]:
        prefix = next((each for each in self._prefixes if url.startswith(each)), None)
        if not URL.fullmatch(url) or prefix is None:
            allowed = ", ".join(self._prefixes) or "none"
            raise BadInput(f"{url[:200]!r} is not below an allowed URL. The allowed URLs are: {allowed}.")
        key = safe_key(url.removeprefix(prefix))
        more = {"endpoint": self._endpoint} if self._endpoint and prefix.startswith("s3:") else {}
        return open_storage(prefix.rstrip("/") + (f"?{urlencode(more)}" if more else ""), Path()), key


async def _version(store: Storage, key: str) -> str:
    return hashlib.sha256((await store.version(key)).encode()).hexdigest()


async def _write(store: Storage, key: str, path: Path, limit: int, name: str) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in store.get(key):
            size += len(chunk)
            if size > limit:
                raise BadInput(f"{name} is too large. An operation reads files of at most {format_bytes(limit)}.")
            file.write(chunk)
