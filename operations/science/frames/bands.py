"""Bands: an image is processed some rows at a time, on few threads and within a memory budget."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from operations.framework.context import SubProgress
from operations.science.frames.images import Image

MAX_THREADS = 4
MIB = 1 << 20
MEMORY_BUDGET = 64 * MIB
"""The bytes of input rows in memory at once, over all threads."""


@dataclass(frozen=True)
class Band:
    """Rows `start` to `stop`."""

    start: int
    stop: int

    @property
    def rows(self) -> slice:
        """Return the rows as a slice."""
        return slice(self.start, self.stop)

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.stop - self.start


def thread_count() -> int:
    """Return the number of threads that process bands: one per processor, at most MAX_THREADS."""
    return min(os.cpu_count() or 1, MAX_THREADS)


def plan_bands(height: int, bytes_per_row: int, tile_rows: int = 1, budget: int = MEMORY_BUDGET) -> list[Band]:
    """Split rows into bands of at least a row, so that one per thread fits the budget; of whole tiles if possible."""
    rows = max(1, budget // thread_count() // max(bytes_per_row, 1))
    if rows >= tile_rows > 1:
        rows -= rows % tile_rows
    return [Band(start, min(start + rows, height)) for start in range(0, height, rows)]


def max_tile_rows(images: Sequence[Image]) -> int:
    """Return the number of rows of the tallest compression tile of the images."""
    return max([image.science.tile_rows for image in images], default=1) or 1


def for_each_band(bands: Sequence[Band], task: Callable[[Band], None], progress: SubProgress) -> None:
    """Run the task on every band, several at once, with a progress report and a checkpoint between bands.

    The first error cancels the rest. The task must write its own rows only.
    """
    pending: deque[Future[None]] = deque()
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="band") as pool:
        try:
            for done, band in enumerate(bands):
                if len(pending) == thread_count():
                    pending.popleft().result()
                progress.report(max(0, done - len(pending)) / len(bands))
                pending.append(pool.submit(task, band))
            for left in range(len(pending), 0, -1):
                pending.popleft().result()
                progress.report((len(bands) - left + 1) / len(bands))
        finally:
            for future in pending:
                future.cancel()
