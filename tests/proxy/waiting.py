"""Waiting for a condition, with a deadline."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Return as soon as the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is anything at all, nobody tells.
            await asyncio.sleep(0.005)


async def settled(count: Callable[[], int]) -> None:
    """Return when a number has begun to grow and no longer grows."""
    last = -1
    async with asyncio.timeout(20):
        while count() != last or not last:
            last = count()
            await asyncio.sleep(0.3)
