"""Waiting for a condition, with a deadline."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    """Return as soon as the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing signals an arbitrary condition.
            await asyncio.sleep(0.005)


async def settled(count: Callable[[], int]) -> None:
    """Return when a number has grown and stays the same."""
    last = -1
    async with asyncio.timeout(20):
        while count() != last or not last:
            last = count()
            await asyncio.sleep(0.3)
