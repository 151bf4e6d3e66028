"""Loads and builds images through the Docker SDK."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import requests
import urllib3

from core.engine.docker.client import PING_SECONDS, STREAM_SECONDS, DockerClient
from core.engine.protocol import EngineRefused

_LOADED = re.compile(r"Loaded image(?: ID)?: (\S+)")
_CHUNK_SECONDS = 120


class ArchiveFeed:
    """Passes the chunks of an asynchronous stream to a thread, and stores the error that broke it."""

    def __init__(self, archive: AsyncIterator[bytes]) -> None:
        self._archive = archive
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self.error: BaseException | None = None

    def stop(self) -> None:
        """Abort the stream; the thread's request fails."""
        self._stopped = True

    def __iter__(self) -> Iterator[bytes]:
        while not self._stopped:
            try:
                chunk = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result(_CHUNK_SECONDS)
            except BaseException as error:
                self.error = error
                raise
            if chunk is None:
                return
            if chunk:
                yield chunk
        raise ConnectionAbortedError("The load was cancelled.")

    async def _next(self) -> bytes | None:
        return await anext(self._archive, None)


def load(client: DockerClient, feed: ArchiveFeed) -> str:
    """Send the archive and return the id of the image that the engine loaded."""
    output = ""
    try:
        for message in client.api(STREAM_SECONDS).load_image(feed):
            output += _line(message)
    except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
        if feed.error is not None:
            raise feed.error from error
        # An engine closes the connection on a bad archive; a lost engine does not answer a ping.
        client.api(PING_SECONDS).ping()
        raise EngineRefused("The engine could not load the archive; it is not what `docker save` writes.") from error
    loaded = _LOADED.findall(output)
    if not loaded:
        raise EngineRefused("The engine loaded no image from the archive; it is not what `docker save` writes.")
    return str(client.api().inspect_image(loaded[-1])["Id"])


def build(client: DockerClient, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
    """Build the image, pass on the output lines, and return the image's id."""
    api = client.api(STREAM_SECONDS)
    for message in api.build(path=str(context), tag=tag, rm=True, forcerm=True, decode=True, timeout=STREAM_SECONDS):
        for line in _line(message).splitlines():
            on_line(line)
    return str(api.inspect_image(tag)["Id"])


def _line(message: dict[str, Any]) -> str:
    if "error" in message:
        raise EngineRefused(f"The engine refused: {' '.join(str(message['error']).split()).rstrip('.')}.")
    return str(message.get("stream") or message.get("status") or "")
