"""The object store: files by key in a local folder or in S3; writes are all or nothing, reads are streams.

Uploads, results and workstation archives are stored in it.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from core.bytesize import KIB, MIB, format_bytes
from core.errors import BadInput, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PART_BYTES = 8 * MIB
PARTS_AT_ONCE = 4
READ_BYTES = MIB
MAX_INLINE_HASH_BYTES = 256 * KIB
ABORT_SECONDS = 10.0
MAX_KEY_LENGTH = 512
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*")
CLIENT: "ClientConfig" = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "12h"}
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


@dataclass(frozen=True)
class StoredFile:
    """The size of a written file, and its digest as 64 hexadecimal digits."""

    size: int
    sha256: str


class UploadAborted(Exception):
    """Aborts an upload inside obstore, so that the store drops its parts; it reaches no caller."""


class Storage:
    """One folder or bucket. Keys are relative paths; every method raises Unavailable when the store is down."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        """Store files in `store`."""
        self._store = store

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, limit: int | None) -> StoredFile:
        """Write `chunks` under `key`, replacing an existing file, in constant memory.

        The file appears when it is complete. An error of `chunks`, a cancellation, and more than `limit` bytes
        (BadInput) leave the existing file unchanged.
        """
        source = _Source(chunks, limit)
        upload = asyncio.ensure_future(self._upload(safe_key(key), source))
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            source.abort()
            await asyncio.wait({upload}, timeout=ABORT_SECONDS)
            if upload.done() and not upload.cancelled():
                upload.exception()
            raise
        except Exception:
            if source.error is not None:
                raise source.error from None
            raise
        return source.result()

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Yield the content in chunks of about READ_BYTES; NotFound when there is no such file."""
        safe_key(key)
        with _translate_errors():
            found = await obstore.get_async(self._store, key)
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def get_range(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to `end`, exclusive, in chunks; NotFound when there is no such file."""
        safe_key(key)
        with _translate_errors():
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def size(self, key: str) -> int:
        """Return the size in bytes; NotFound when there is no such file."""
        with _translate_errors():
            return (await obstore.head_async(self._store, safe_key(key)))["size"]

    async def version(self, key: str) -> str:
        """Return a text that changes whenever the file changes; NotFound when there is no such file."""
        with _translate_errors():
            found = await obstore.head_async(self._store, safe_key(key))
        return f"{found['e_tag']}:{found['version']}:{found['last_modified']}:{found['size']}"

    async def exists(self, key: str) -> bool:
        """Return whether there is a file under `key`."""
        try:
            await self.size(key)
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Delete the file under `key`, if there is one."""
        with contextlib.suppress(NotFound), _translate_errors():
            await obstore.delete_async(self._store, safe_key(key))

    async def signed_url(self, key: str, seconds: int) -> str | None:
        """Return a URL that lets anyone read the file for `seconds`; None for a local folder."""
        safe_key(key)
        if isinstance(self._store, LocalStore):
            return None
        with _translate_errors():
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))

    async def _upload(self, key: str, source: "_Source") -> None:
        with _translate_errors(missing="The bucket of the file storage does not exist; create it, then try again."):
            await obstore.put_async(
                self._store, key, source, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )


class _Source:
    """Counts and hashes chunks on their way into the store, and can abort it."""

    def __init__(self, chunks: AsyncIterator[bytes], limit: int | None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._size = 0
        self._hash = hashlib.sha256()
        self._aborted = False
        self._reading: asyncio.Future[bytes] | None = None
        self.error: BaseException | None = None

    def __aiter__(self) -> "_Source":
        return self

    async def __anext__(self) -> bytes:
        if self._aborted:
            raise UploadAborted
        # A task of its own, so that `abort` can cancel a read that waits for the client.
        self._reading = asyncio.ensure_future(self._next())
        await asyncio.wait({self._reading})
        if self._reading.cancelled():
            raise UploadAborted
        self.error = self._reading.exception()
        chunk = self._reading.result()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def abort(self) -> None:
        """Make the store's current or next read fail."""
        self._aborted = True
        if self._reading is not None:
            self._reading.cancel()

    def result(self) -> StoredFile:
        """Return the size and digest of what was read."""
        return StoredFile(self._size, self._hash.hexdigest())

    async def _next(self) -> bytes:
        """Return the next non-empty chunk, counted and hashed; empty at the end."""
        async for chunk in self._chunks:
            if not chunk:
                continue
            self._size += len(chunk)
            if self._limit is not None and self._size > self._limit:
                raise BadInput(f"The file is larger than {format_bytes(self._limit)}; send a smaller one.")
            # Hashing a large chunk would block the event loop.
            if len(chunk) > MAX_INLINE_HASH_BYTES:
                await asyncio.to_thread(self._hash.update, chunk)
            else:
                self._hash.update(chunk)
            return chunk
        return b""


def open_storage(url: str | None, data_dir: Path) -> Storage:
    """Open the storage at `url`; without one, the folder `storage` in `data_dir`.

    `s3://BUCKET/PREFIX?endpoint=URL&region=NAME` takes credentials from the standard AWS variables.
    """
    if url is None:
        return _folder(data_dir / "storage")
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return _folder(Path(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, parts.path.strip("/"), parse_qs(parts.query))
    raise BadInput("The storage URL is not valid; use s3://BUCKET/PREFIX or file:///FOLDER, or leave it empty.")


def safe_key(key: str) -> str:
    """Return `key`; BadInput when it is empty, absolute, hidden or leads out of the store."""
    if len(key) > MAX_KEY_LENGTH or not KEY.fullmatch(key):
        raise BadInput("That is not a storage key; use letters, digits, dots and dashes, separated by single slashes.")
    return key


def _folder(path: Path) -> Storage:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Storage(LocalStore(path.absolute()))
    except (OSError, BaseError) as error:
        raise Unavailable(f"The storage folder {path.name!r} cannot be used; choose a writable folder.") from error


def _bucket(bucket: str, prefix: str, query: dict[str, list[str]]) -> Storage:
    options = {name: values[-1] for name, values in query.items()}
    if options.keys() - {"endpoint", "region"}:
        raise BadInput("The storage URL is not valid; its options are endpoint and region.")
    config: S3Config = {}
    if endpoint := options.get("endpoint"):
        config["endpoint"] = endpoint
    if region := options.get("region"):
        config["region"] = region
    client: ClientConfig = {**CLIENT, "allow_http": (endpoint or "").startswith("http://")}
    with _translate_errors():
        return Storage(S3Store(bucket, prefix=prefix or None, config=config, client_options=client, retry_config=RETRY))


@contextlib.contextmanager
def _translate_errors(missing: str | None = None) -> Iterator[None]:
    """Translate the store's errors into errors with a sentence for the caller."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        if missing:
            raise Unavailable(missing) from error
        raise NotFound("There is no such file in the storage.") from error
    except (BaseError, OSError) as error:
        raise Unavailable("The file storage does not answer; try again later.") from error
