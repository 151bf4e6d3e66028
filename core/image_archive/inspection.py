"""The entry point of the package: passes an archive from the event loop to a thread that reads it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from core.image_archive.index import read_index
from core.image_archive.limits import ArchiveLimits
from core.image_archive.manifest import ImageManifest, describe

MAX_CHUNKS_AHEAD = 4
SLICE_BYTES = 256 << 10  # The thread checks for a cancellation after each slice.


class InspectionAborted(Exception):
    """Ends the reading thread after a cancellation; it reaches no caller."""


class AsyncFeed:
    """Passes chunks from a coroutine to a thread, at most MAX_CHUNKS_AHEAD ahead of it."""

    def __init__(self) -> None:
        """Use the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(MAX_CHUNKS_AHEAD)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._aborted = False

    async def fill(self, chunks: AsyncIterator[bytes]) -> None:
        """Pass all chunks on, waiting while the thread is behind."""
        async for chunk in chunks:
            await self._room.acquire()
            self._queue.put(chunk)
        self._queue.put(None)

    def abort(self) -> None:
        """Make the thread's next read raise InspectionAborted."""
        self._aborted = True
        self._queue.put(None)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks, on the thread."""
        while (chunk := self._queue.get()) is not None:
            for at in range(0, len(chunk), SLICE_BYTES):
                if self._aborted:
                    raise InspectionAborted
                yield chunk[at : at + SLICE_BYTES]
            with contextlib.suppress(RuntimeError):  # The loop was closed while the aborted thread ran.
                self._loop.call_soon_threadsafe(self._room.release)
        if self._aborted:
            raise InspectionAborted


async def inspect(chunks: AsyncIterator[bytes], limits: ArchiveLimits = ArchiveLimits()) -> ImageManifest:  # noqa: B008
    """Check a `docker save` archive as it streams by, and describe its one image.

    Memory is constant (a few chunks, and JSON up to `limits.kept_bytes`), nothing is written, and the loop is not
    blocked. It raises ArchiveRefused with one sentence, and the errors of `chunks`; after a refusal the rest of
    `chunks` is not read. The platform is reported and not checked. On cancellation the reading thread ends.
    """
    feed = AsyncFeed()
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
    reading = asyncio.get_running_loop().run_in_executor(executor, _inspect, feed, limits)
    executor.shutdown(wait=False)
    filling = asyncio.ensure_future(feed.fill(chunks))
    sides: set[asyncio.Future[Any]] = {reading, filling}
    try:
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            await filling
        # The thread cannot be cancelled; `abort` ends it.
        return await asyncio.shield(reading)
    finally:
        filling.cancel()
        feed.abort()
        await _wait_ended(sides)


def _inspect(feed: AsyncFeed, limits: ArchiveLimits) -> ImageManifest:
    return describe(read_index(feed, limits), limits)


async def _wait_ended(sides: set[asyncio.Future[Any]]) -> None:
    """Wait until the thread and the coroutine that feeds it have ended, with or without an error."""
    await asyncio.wait(sides)
    for side in sides:
        if not side.cancelled():
            side.exception()
