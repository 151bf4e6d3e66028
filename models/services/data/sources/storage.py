"""The source `storage`: files in S3 or in a folder of the server, below addresses that the operator allows."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.errors import BadInput
from core.storage.file_cache import FileCache
from core.storage.object_store import Storage, open_storage, safe_key
from models.services.data.sources.source import Admitted, Asker, Fetched, Source

ADDRESS = re.compile(r"(s3|file)://[^?#\s]+")


class StorageSource(Source):
    """Files by their URL, for every caller alike: what the operator allows is open to all who compute here."""

    name = "storage"
    description = "A file by its URL, s3:// or file://, below one of the addresses that this installation allows."

    def __init__(self, prefixes: Sequence[str], endpoint: str | None, cache: FileCache, limit: int) -> None:
        """Allow what lies below `prefixes`; S3 is reached at `endpoint`, or where it usually is."""
        self._prefixes = [prefix.rstrip("/") + "/" for prefix in prefixes]
        self._endpoint, self._cache, self._limit = endpoint, cache, limit

    async def admit(self, basename: str, asker: Asker) -> Admitted:  # noqa: ARG002
        """Check that the URL lies below an allowed one."""
        self._split(basename)
        return Admitted(basename, f"{await self.called(basename)}\n{basename}")

    @asynccontextmanager
    async def fetch(self, item: Mapping[str, Any], asker: Asker) -> AsyncIterator[Fetched]:  # noqa: ARG002
        """Give a local copy. Files there may change, so it is fetched anew each time and kept by its content."""
        url = item["basename"]
        store, key = self._split(url)
        called = url.rsplit("/", 1)[-1]

        async def fill(path: Path) -> None:
            await _write(store, key, path, self._limit, called)

        version = await _version(store, key)
        async with self._cache.held(f"storage:{url}:{version}", fill) as kept:
            yield Fetched(kept.path, called, kept.sha256)

    async def called(self, basename: str) -> str:
        """Return the last part of the URL."""
        return basename.rsplit("/", 1)[-1]

    def _split(self, url: str) -> tuple[Storage, str]:
        """Return the opened place of the URL, and the key there."""
        prefix = next((each for each in self._prefixes if url.startswith(each)), None)
        if not ADDRESS.fullmatch(url) or prefix is None:
            known = ", ".join(self._prefixes) or "none"
            raise BadInput(f"{url[:200]!r} is not below an allowed address; there are: {known}.")
        key = safe_key(url.removeprefix(prefix))
        more = {"endpoint": self._endpoint} if self._endpoint and prefix.startswith("s3:") else {}
        return open_storage(prefix.rstrip("/") + (f"?{urlencode(more)}" if more else ""), Path()), key


async def _version(store: Storage, key: str) -> str:
    return hashlib.sha256((await store.version(key)).encode()).hexdigest()


async def _write(store: Storage, key: str, path: Path, limit: int, called: str) -> None:
    size = 0
    with path.open("wb") as file:
        async for chunk in store.get(key):
            size += len(chunk)
            if size > limit:
                raise BadInput(f"{called} is larger than an operation may read.")
            file.write(chunk)
