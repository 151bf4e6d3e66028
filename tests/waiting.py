"""Waits in tests: for a condition, until a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")
INTERVAL_SECONDS = 0.02


async def eventually(check: Callable[[], Awaitable[Answer] | Answer], within: float = 5.0) -> Answer:
    """Return the first true result of `check`, which is called repeatedly; AssertionError after the deadline.

    An AssertionError in `check` counts as not yet, and is the cause of the final AssertionError.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        failure: AssertionError | None = None
        answer: Answer | None = None
        try:
            result = check()
            answer = await result if inspect.isawaitable(result) else result
        except AssertionError as error:
            failure = error
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(f"Not within {within:g} s; the last answer was {answer!r}.") from failure
        await asyncio.sleep(INTERVAL_SECONDS)
