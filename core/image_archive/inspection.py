"""The way into the package: an archive streams from the event loop through a thread that reads it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from core.image_archive.index import read
from core.image_archive.limits import ArchiveLimits
from core.image_archive.manifest import ImageManifest, describe

AHEAD = 4
SLICE = 256 << 10  # The thread looks up from its work this often.


class Abandoned(Exception):
    """Nobody waits for the result any more; this ends the reading thread and reaches no caller."""


class Feed:
    """Hands chunks from a coroutine to a thread, a few ahead of it."""

    def __init__(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(AHEAD)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._abandoned = False

    async def fill(self, chunks: AsyncIterator[bytes]) -> None:
        """Pass all chunks on, waiting while the thread is behind."""
        async for chunk in chunks:
            await self._room.acquire()
            self._queue.put(chunk)
        self._queue.put(None)

    def abandon(self) -> None:
        """Let the thread end at the next chunk that it asks for."""
        self._abandoned = True
        self._queue.put(None)

    def __iter__(self) -> Iterator[bytes]:
        """Give the chunks, on the thread."""
        while (chunk := self._queue.get()) is not None:
            for at in range(0, len(chunk), SLICE):
                if self._abandoned:
                    raise Abandoned
                yield chunk[at : at + SLICE]
            with contextlib.suppress(RuntimeError):  # The loop was closed under an abandoned thread.
                self._loop.call_soon_threadsafe(self._room.release)
        if self._abandoned:
            raise Abandoned


async def inspect(chunks: AsyncIterator[bytes], limits: ArchiveLimits = ArchiveLimits()) -> ImageManifest:  # noqa: B008
    """Check a `docker save` archive as it streams by, and describe its one image.

    Memory stays constant (a few chunks, and JSON up to `limits.kept_bytes`), nothing is written, and the loop is not
    blocked. Raises ArchiveRefused with one sentence, and whatever `chunks` raises; on a refusal the rest of `chunks` is
    left unread. The platform is reported and not judged. When cancelled, the reading thread ends.
    """
    feed = Feed()
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
    reading = asyncio.get_running_loop().run_in_executor(executor, _inspect, feed, limits)
    executor.shutdown(wait=False)
    filling = asyncio.ensure_future(feed.fill(chunks))
    sides: set[asyncio.Future[Any]] = {reading, filling}
    try:
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await filling
        return await asyncio.shield(reading)
    finally:
        filling.cancel()
        feed.abandon()
        await _ended(sides)


def _inspect(feed: Feed, limits: ArchiveLimits) -> ImageManifest:
    return describe(read(feed, limits), limits)


async def _ended(sides: set[asyncio.Future[Any]]) -> None:
    """Wait until the thread and the coroutine that feeds it have ended, however they did."""
    await asyncio.wait(sides)
    for side in sides:
        if not side.cancelled():
            side.exception()
