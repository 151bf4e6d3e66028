"""Batches of rows that the periodic tasks process item by item, so that one failure does not block the others."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

log = logging.getLogger(__name__)

BATCH = 500
"""Rows that a task reads at once; the next sweep reads the others."""
T = TypeVar("T")


async def for_each(items: Iterable[T], run: Callable[[T], Awaitable[object]]) -> None:
    """Run a function on every item; log a failure, which the next sweep retries."""
    for item in items:
        try:
            await run(item)
        except Exception:
            log.exception("sweep: one item failed; the next sweep retries it")
