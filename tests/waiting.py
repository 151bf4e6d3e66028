"""How tests wait: for a condition, until a deadline."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Answer = TypeVar("Answer")
INTERVAL_SECONDS = 0.02


async def eventually(check: Callable[[], Awaitable[Answer] | Answer], within: float = 5.0) -> Answer:
    """Return the first true answer of `check`, which is asked again and again; AssertionError after the deadline.

    An AssertionError of `check` itself means not yet, and is the cause of the one that ends the wait.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        failure: AssertionError | None = None
        answer: Answer | None = None
        try:
            asked = check()
            answer = await asked if inspect.isawaitable(asked) else asked
        except AssertionError as error:
            failure = error
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(f"Not within {within:g} s; the last answer was {answer!r}.") from failure
        await asyncio.sleep(INTERVAL_SECONDS)
