"""Files by key, in a local folder or in S3: written whole or not at all, read as a stream."""

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

from core.bytesize import KIB, MIB, readable
from core.errors import BadInput, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

PART_BYTES = 8 * MIB
PARTS_AT_ONCE = 4
READ_BYTES = MIB
HASHED_ON_THE_LOOP = 256 * KIB
ABORT_SECONDS = 10.0
LONGEST_KEY = 512
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*")
CLIENT: "ClientConfig" = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "12h"}
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


@dataclass(frozen=True)
class Stored:
    """What was written; `sha256` is 64 hexadecimal digits."""

    size: int
    sha256: str


class Abandoned(Exception):
    """The upload was cancelled; this makes the store drop the parts that it has, and reaches no caller."""


class Storage:
    """One folder or bucket. Keys are relative paths; every method raises Unavailable when the store does not answer."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        """Keep files in `store`."""
        self._store = store

    async def put(self, key: str, chunks: AsyncIterator[bytes], *, limit: int | None) -> Stored:
        """Write `chunks` under `key`, replacing what is there, in constant memory.

        The file appears when it is complete. An error of `chunks`, a cancellation, and more than `limit` bytes
        (BadInput) leave what was there before.
        """
        source = _Source(chunks, limit)
        upload = asyncio.ensure_future(self._upload(safe_key(key), source))
        try:
            await asyncio.shield(upload)
        except asyncio.CancelledError:
            source.abandon()
            await asyncio.wait({upload}, timeout=ABORT_SECONDS)
            if upload.done() and not upload.cancelled():
                upload.exception()
            raise
        except Exception:
            if source.error is not None:
                raise source.error from None
            raise
        return source.stored()

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Give the content in chunks of about 1 MiB; NotFound when there is none."""
        safe_key(key)
        with _sentences():
            found = await obstore.get_async(self._store, key)
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def part(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Give the bytes from `start` up to but not with `end` in chunks; NotFound when there is no such file."""
        safe_key(key)
        with _sentences():
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def size(self, key: str) -> int:
        """Give the size in bytes; NotFound when there is no such file."""
        with _sentences():
            return (await obstore.head_async(self._store, safe_key(key)))["size"]

    async def version(self, key: str) -> str:
        """Give a text that is another one when the file has changed; NotFound when there is none."""
        with _sentences():
            found = await obstore.head_async(self._store, safe_key(key))
        return f"{found['e_tag']}:{found['version']}:{found['last_modified']}:{found['size']}"

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under `key`."""
        try:
            await self.size(key)
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove the file under `key`, if there is one."""
        with contextlib.suppress(NotFound), _sentences():
            await obstore.delete_async(self._store, safe_key(key))

    async def signed_url(self, key: str, seconds: int) -> str | None:
        """Give a URL at which anyone may read the file for `seconds`; None for a local folder, which has no URLs."""
        safe_key(key)
        if isinstance(self._store, LocalStore):
            return None
        with _sentences():
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))

    async def _upload(self, key: str, source: "_Source") -> None:
        with _sentences(missing="The bucket of the file storage does not exist; create it, then try again."):
            await obstore.put_async(
                self._store, key, source, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )


class _Source:
    """Counts and hashes chunks on their way into the store, and can be told to fail."""

    def __init__(self, chunks: AsyncIterator[bytes], limit: int | None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._size = 0
        self._hash = hashlib.sha256()
        self._abandoned = False
        self._reading: asyncio.Future[bytes] | None = None
        self.error: BaseException | None = None

    def __aiter__(self) -> "_Source":
        return self

    async def __anext__(self) -> bytes:
        if self._abandoned:
            raise Abandoned
        self._reading = asyncio.ensure_future(self._next())
        await asyncio.wait({self._reading})
        if self._reading.cancelled():
            raise Abandoned
        self.error = self._reading.exception()
        chunk = self._reading.result()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def abandon(self) -> None:
        """Let the store's next read fail, and the one that is under way."""
        self._abandoned = True
        if self._reading is not None:
            self._reading.cancel()

    def stored(self) -> Stored:
        """Say what went through."""
        return Stored(self._size, self._hash.hexdigest())

    async def _next(self) -> bytes:
        """Give the next chunk that holds something, counted and hashed; nothing at the end."""
        async for chunk in self._chunks:
            if not chunk:
                continue
            self._size += len(chunk)
            if self._limit is not None and self._size > self._limit:
                raise BadInput(f"The file is larger than {readable(self._limit)}; send a smaller one.")
            if len(chunk) > HASHED_ON_THE_LOOP:
                await asyncio.to_thread(self._hash.update, chunk)
            else:
                self._hash.update(chunk)
            return chunk
        return b""


def open_storage(url: str | None, data_dir: Path) -> Storage:
    """Open the storage at `url`; without one, the folder `storage` in `data_dir`.

    `s3://BUCKET/PREFIX?endpoint=URL&region=NAME` takes credentials from the usual AWS variables.
    """
    if url is None:
        return _folder(data_dir / "storage")
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return _folder(Path(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, parts.path.strip("/"), parse_qs(parts.query))
    raise BadInput("The storage URL is not valid; use s3://BUCKET/PREFIX, file:///FOLDER or none.")


def safe_key(key: str) -> str:
    """Give back `key`; refuse one that is empty, absolute, hidden or leads out of the store."""
    if len(key) > LONGEST_KEY or not KEY.fullmatch(key):
        raise BadInput("That is not a storage key; use letters, digits, dots and dashes, with single slashes between.")
    return key


def _folder(path: Path) -> Storage:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Storage(LocalStore(path.absolute()))
    except (OSError, BaseError) as error:
        raise Unavailable(
            f"The storage folder {path.name!r} cannot be used; give a folder that is writable."
        ) from error


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
    with _sentences():
        return Storage(S3Store(bucket, prefix=prefix or None, config=config, client_options=client, retry_config=RETRY))


@contextlib.contextmanager
def _sentences(missing: str | None = None) -> Iterator[None]:
    """Say in one sentence what a store's error means for the caller."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        if missing:
            raise Unavailable(missing) from error
        raise NotFound("There is no such file in the storage.") from error
    except (BaseError, OSError) as error:
        raise Unavailable("The file storage does not answer; try again later.") from error
