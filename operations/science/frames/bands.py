"""Bands: an image worked through some rows at a time, on few threads and within a memory budget."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from operations.framework.context import Stage
from operations.science.frames.images import Image

MIB = 1 << 20
BUDGET = 64 * MIB
"""How many bytes of input rows are in memory at once, over all threads."""


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
        """Return how many rows there are."""
        return self.stop - self.start


def threads() -> int:
    """Return how many threads work on bands: one for each processor, at most 4."""
    return min(os.cpu_count() or 1, 4)


def plan(height: int, bytes_per_row: int, tile_rows: int = 1, budget: int = BUDGET) -> list[Band]:
    """Cut rows into bands, one for each thread within the budget; at least a row, and whole tiles where it can be."""
    rows = max(1, budget // threads() // max(bytes_per_row, 1))
    if rows >= tile_rows > 1:
        rows -= rows % tile_rows
    return [Band(start, min(start + rows, height)) for start in range(0, height, rows)]


def tile_rows(images: Sequence[Image]) -> int:
    """Return a number of rows that cuts no tile of the images apart; the tallest tile, where they differ."""
    return max([image.science.tile_rows for image in images], default=1) or 1


def each_band(bands: Sequence[Band], task: Callable[[Band], None], stage: Stage) -> None:
    """Run the task on every band, several at once; told and stopped between bands.

    The first error ends it. The task writes its own rows and shares nothing else.
    """
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(threads(), thread_name_prefix="band") as pool:
        try:
            for done, band in enumerate(bands):
                if len(waiting) == threads():
                    waiting.popleft().result()
                stage.report(max(0, done - len(waiting)) / len(bands))
                waiting.append(pool.submit(task, band))
            for left in range(len(waiting), 0, -1):
                waiting.popleft().result()
                stage.report((len(bands) - left + 1) / len(bands))
        finally:
            for future in waiting:
                future.cancel()
