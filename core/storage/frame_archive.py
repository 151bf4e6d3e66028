"""A frame archive over HTTP: find a frame by its name with the caller's token, then fetch it from where it lies.

The archive answers `GET BASE/frames/?basename_exact=NAME` with `{"results": [{"basename", "filename", "url",
"version_set": [{"md5"}]}]}`, of the frames that the token may read; `url` is a signed link, which gets no token.
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

from core.bytesize import KIB, MIB, readable
from core.errors import BadInput, CarrelError, Forbidden, NotFound, Unavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
ANSWER_LIMIT = 4 * MIB
CHUNK_BYTES = 256 * KIB
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")


@dataclass(frozen=True)
class Located:
    """A frame that the caller may read: its file name, where it lies for the moment, and its checksum if it is told."""

    basename: str
    filename: str
    url: str
    md5: str


class Interrupted(CarrelError):
    """The archive did not answer well; asked again it may."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        """Say `message`; the archive wants to be left alone for `pause` seconds."""
        super().__init__(message)
        self.pause = pause


class FrameArchive:
    """One archive. Every method retries with growing pauses for `seconds`, and then raises Unavailable."""

    def __init__(self, base: str, seconds: float, limit: int) -> None:
        """Ask the archive at `base` for frames of at most `limit` bytes."""
        self._base, self._seconds, self._limit = base.rstrip("/") + "/", seconds, limit
        self._pool = PoolManager(timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), retries=False)

    async def locate(self, basename: str, token: str | None) -> Located:
        """Find a frame. NotFound when there is none that this token may read, Forbidden when the token is refused."""
        return await self._patiently(lambda _stop: self._locate(basename, token))

    async def fetch(self, located: Located, path: Path) -> None:
        """Write the frame's file to `path`, whole and as the archive says it is, or raise."""
        await self._patiently(lambda stop: self._fetch(located, path, stop))

    async def _patiently(self, attempt: Callable[[threading.Event], T]) -> T:
        until, pause = time.monotonic() + self._seconds, FIRST_PAUSE
        while True:
            try:
                return await _in_thread(attempt)
            except Interrupted as interruption:
                wait = max(pause, interruption.pause)
                if time.monotonic() + wait > until:
                    raise Unavailable(interruption.message) from interruption
            await asyncio.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _locate(self, basename: str, token: str | None) -> Located:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})
        query = urlencode({"basename_exact": basename, "include_related_frames": "false"})
        with self._get(f"{self._base}frames/?{query}", headers) as answer:
            if answer.status in (401, 403):
                raise Forbidden("The archive refuses your token; keep a new one with archiveTokenSet.")
            _demand(answer)
            found = _frames(answer.read(ANSWER_LIMIT))
        frame = next((each for each in found if each.get("basename") == basename), None)
        if frame is None or not isinstance(frame.get("url"), str):
            raise NotFound(f"The archive has no frame {basename} that you may read.")
        versions = frame.get("version_set") or [{}]
        md5 = versions[0].get("md5") if isinstance(versions[0], dict) else ""
        filename = str(frame.get("filename") or f"{basename}.fits")
        return Located(basename, filename, urljoin(self._base, frame["url"]), str(md5 or ""))

    def _fetch(self, located: Located, path: Path, stop: threading.Event) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with self._get(located.url, {}) as answer, path.open("wb") as file:
            _demand(answer)
            for chunk in answer.stream(CHUNK_BYTES, decode_content=False):
                size += len(chunk)
                if stop.is_set() or size > self._limit:
                    break
                digest.update(chunk)
                file.write(chunk)
        if size > self._limit:
            raise BadInput(f"{located.basename} is larger than {readable(self._limit)}; it cannot be read here.")
        if located.md5 and digest.hexdigest() != located.md5.lower():
            raise Interrupted(f"The archive sent {located.basename} damaged: its checksum is another one.")

    @contextmanager
    def _get(self, url: str, headers: dict[str, str]) -> Iterator[BaseHTTPResponse]:
        if urlsplit(url).scheme not in ("http", "https"):
            raise BadInput("The archive names a place that is not on the web.")
        try:
            answer = self._pool.request("GET", url, headers=headers, preload_content=False, redirect=False)
            try:
                yield answer
            finally:
                answer.close()
        except (HTTPError, OSError) as error:
            raise Interrupted(f"The archive does not answer ({type(error).__name__}).") from error


def _demand(answer: BaseHTTPResponse) -> None:
    if answer.status in RETRIED:
        pause = 0.0
        with suppress(ValueError):
            pause = min(float(answer.headers.get("Retry-After", "0")), LONGEST_PAUSE)
        raise Interrupted(f"The archive answers with status {answer.status}.", pause)
    if answer.status != 200:
        raise Unavailable(f"The archive answers with status {answer.status}.")


def _frames(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise Interrupted("The archive answers something that is no list of frames.") from error
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


async def _in_thread(attempt: Callable[[threading.Event], T]) -> T:
    """Run a blocking attempt; when the waiting task is cancelled, the attempt is told to stop."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(attempt, stop)
    finally:
        stop.set()
