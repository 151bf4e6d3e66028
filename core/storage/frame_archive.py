"""The HTTP client of a frame archive: find a frame by name with the caller's token, then download it.

The archive answers `GET BASE/frames/?basename_exact=NAME` with `{"results": [{"basename", "filename", "url",
"version_set": [{"md5"}]}]}`, of the frames that the token may read. `url` is a signed link, fetched without the token.
"""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from core.bytesize import KIB, MIB, format_bytes
from core.errors import BadInput, CarrelError, Forbidden, NotFound, Unavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MAX_RESPONSE_BYTES = 4 * MIB
CHUNK_BYTES = 256 * KIB
INITIAL_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10.0
RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
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
        self._pool = PoolManager(timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), retries=False)

    async def locate(self, basename: str, token: str | None) -> FrameLocation:
        """Find a frame. NotFound when this token may read none, Forbidden when the token is refused."""
        return await self._with_retries(lambda _stop: self._locate(basename, token))

    async def fetch(self, located: FrameLocation, path: Path) -> None:
        """Write the frame's complete, verified file to `path`, or raise."""
        await self._with_retries(lambda stop: self._fetch(located, path, stop))

    async def _with_retries(self, attempt: Callable[[threading.Event], T]) -> T:
        until, pause = time.monotonic() + self._seconds, INITIAL_PAUSE_SECONDS
        while True:
            try:
                return await _in_thread(attempt)
            except RetryableError as error:
                wait = max(pause, error.pause)
                if time.monotonic() + wait > until:
                    raise Unavailable(error.message) from error
            await asyncio.sleep(wait)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def _locate(self, basename: str, token: str | None) -> FrameLocation:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})
        query = urlencode({"basename_exact": basename, "include_related_frames": "false"})
        with self._get(f"{self._base}frames/?{query}", headers) as response:
            if response.status in (401, 403):
                raise Forbidden("The archive refuses your token; set a new one with archiveTokenSet.")
            _raise_for_status(response)
            found = _frames(response.read(MAX_RESPONSE_BYTES))
        frame = next((each for each in found if each.get("basename") == basename), None)
        if frame is None or not isinstance(frame.get("url"), str):
            raise NotFound(f"The archive has no frame {basename} that you may read.")
        versions = frame.get("version_set") or [{}]
        md5 = versions[0].get("md5") if isinstance(versions[0], dict) else ""
        filename = str(frame.get("filename") or f"{basename}.fits")
        return FrameLocation(basename, filename, urljoin(self._base, frame["url"]), str(md5 or ""))

    def _fetch(self, located: FrameLocation, path: Path, stop: threading.Event) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with self._get(located.url, {}) as response, path.open("wb") as file:
            _raise_for_status(response)
            # Not decoded: the checksum is of the stored bytes.
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                size += len(chunk)
                if stop.is_set() or size > self._limit:
                    break
                digest.update(chunk)
                file.write(chunk)
        if size > self._limit:
            raise BadInput(f"{located.basename} is larger than {format_bytes(self._limit)}; it cannot be read here.")
        if located.md5 and digest.hexdigest() != located.md5.lower():
            raise RetryableError(f"The archive sent {located.basename} damaged: its checksum does not match.")

    @contextmanager
    def _get(self, url: str, headers: dict[str, str]) -> Iterator[BaseHTTPResponse]:
        if urlsplit(url).scheme not in ("http", "https"):
            raise BadInput("The archive gives a URL that is not http or https; the frame cannot be read.")
        try:
            response = self._pool.request("GET", url, headers=headers, preload_content=False, redirect=False)
            try:
                yield response
            finally:
                response.close()
        except (HTTPError, OSError) as error:
            raise RetryableError(f"The archive does not answer ({type(error).__name__}).") from error


def _raise_for_status(response: BaseHTTPResponse) -> None:
    if response.status in RETRYABLE_STATUSES:
        pause = 0.0
        with suppress(ValueError):
            pause = min(float(response.headers.get("Retry-After", "0")), MAX_PAUSE_SECONDS)
        raise RetryableError(f"The archive answers with status {response.status}.", pause)
    if response.status != 200:
        raise Unavailable(f"The archive answers with status {response.status}.")


def _frames(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise RetryableError("The archive's response is not a list of frames.") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


async def _in_thread(attempt: Callable[[threading.Event], T]) -> T:
    """Run a blocking attempt in a thread; on cancellation its stop event is set."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(attempt, stop)
    finally:
        stop.set()
