"""The HTTP client of a frame archive: find a frame by name with the caller's token, then download it.

The archive answers `GET BASE/frames/?basename_exact=NAME` with `{"results": [{"basename", "filename", "url",
"version_set": [{"md5"}]}]}`, of the frames that the token may read. `url` is a signed link, fetched without the token.
"""

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
import stamina

from core.bytesize import KIB, MIB, format_bytes
from core.errors import BadInput, CarrelError, Forbidden, NotFound, Unavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MAX_RESPONSE_BYTES = 4 * MIB
CHUNK_BYTES = 256 * KIB
INITIAL_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10.0
RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# The checksum is of the stored bytes, so the archive must not compress them on the way.
UNCOMPRESSED = {"Accept-Encoding": "identity"}
T = TypeVar("T")


@dataclass(frozen=True)
class FrameLocation:
    """A frame that the caller may read: its file name, its current URL, and its checksum or an empty text."""

    basename: str
    filename: str
    url: str
    md5: str


class RetryableError(CarrelError):
    """The archive failed in a way that a retry may solve."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        """Set the message and the `pause` in seconds that the archive asks for."""
        super().__init__(message)
        self.pause = pause


class FrameArchive:
    """One archive. Every method retries with growing pauses for `seconds`, then raises Unavailable."""

    def __init__(self, base: str, seconds: float, limit: int) -> None:
        """Use the archive at `base` for frames of at most `limit` bytes."""
        self._base, self._seconds, self._limit = base.rstrip("/") + "/", seconds, limit
        self._tls = ssl.create_default_context()

    async def locate(self, basename: str, token: str | None) -> FrameLocation:
        """Find a frame. NotFound when this token may read none, Forbidden when the token is refused."""
        return await self._with_retries(lambda: self._locate(basename, token))

    async def fetch(self, located: FrameLocation, path: Path) -> None:
        """Write the frame's complete, verified file to `path`, or raise."""
        await self._with_retries(lambda: self._fetch(located, path))

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        retries = stamina.retry_context(
            on=_backoff,
            attempts=None,
            timeout=self._seconds,
            wait_initial=INITIAL_PAUSE_SECONDS,
            wait_max=MAX_PAUSE_SECONDS,
            wait_jitter=0,
        )
        try:
            async for retry in retries:
                with retry:
                    return await attempt()
        except RetryableError as error:
            raise Unavailable(error.message) from error
        raise AssertionError("The last attempt returns or raises.")

    async def _locate(self, basename: str, token: str | None) -> FrameLocation:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})
        query = urlencode({"basename_exact": basename, "include_related_frames": "false"})
        async with self._get(f"{self._base}frames/?{query}", headers) as response:
            if response.status_code in (401, 403):
                raise Forbidden("The archive refuses your token; set a new one with archiveTokenSet.")
            _raise_for_status(response)
            found = _frames(await _read_start(response, MAX_RESPONSE_BYTES))
        frame = next((each for each in found if each.get("basename") == basename), None)
        if frame is None or not isinstance(frame.get("url"), str):
            raise NotFound(f"The archive has no frame {basename} that you may read.")
        versions = frame.get("version_set") or [{}]
        md5 = versions[0].get("md5") if isinstance(versions[0], dict) else ""
        filename = str(frame.get("filename") or f"{basename}.fits")
        return FrameLocation(basename, filename, urljoin(self._base, frame["url"]), str(md5 or ""))

    async def _fetch(self, located: FrameLocation, path: Path) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0

        def store(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        async with self._get(located.url, {}) as response:
            _raise_for_status(response)
            with await asyncio.to_thread(path.open, "wb") as file:
                async for chunk in response.aiter_raw(CHUNK_BYTES):
                    size += len(chunk)
                    if size > self._limit:
                        break
                    await asyncio.to_thread(store, chunk)
        if size > self._limit:
            raise BadInput(f"{located.basename} is larger than {format_bytes(self._limit)}; it cannot be read here.")
        if located.md5 and digest.hexdigest() != located.md5.lower():
            raise RetryableError(f"The archive sent {located.basename} damaged: its checksum does not match.")

    @asynccontextmanager
    async def _get(self, url: str, headers: dict[str, str]) -> AsyncIterator[httpx2.Response]:
        if urlsplit(url).scheme not in ("http", "https"):
            raise BadInput("The archive gives a URL that is not http or https; the frame cannot be read.")
        # Without the environment: a proxy or a .netrc there must not see or replace the token.
        client = httpx2.AsyncClient(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )
        try:
            async with client, client.stream("GET", url, headers=UNCOMPRESSED | headers) as response:
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise RetryableError(f"The archive does not answer ({type(error).__name__}).") from error


def _backoff(error: Exception) -> bool | float:
    """Return whether to retry, or the pause in seconds that the archive asks for."""
    if not isinstance(error, RetryableError):
        return False
    return max(error.pause, INITIAL_PAUSE_SECONDS) if error.pause > 0 else True


def _raise_for_status(response: httpx2.Response) -> None:
    if response.status_code in RETRYABLE_STATUSES:
        pause = 0.0
        with suppress(ValueError):
            pause = min(float(response.headers.get("Retry-After", "0")), MAX_PAUSE_SECONDS)
        raise RetryableError(f"The archive answers with status {response.status_code}.", pause)
    if response.status_code != 200:
        raise Unavailable(f"The archive answers with status {response.status_code}.")


async def _read_start(response: httpx2.Response, limit: int) -> bytes:
    """Return at most `limit` bytes of a body."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def _frames(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RetryableError("The archive's response is not a list of frames.") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
