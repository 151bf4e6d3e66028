"""Streams of one thing's states: the present one first, then each that differs, until a last one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeVar

from schema.execution.context import Context

T = TypeVar("T")
SETTLE_SECONDS = 0.02
REREAD_SECONDS = 30.0


class Hints(Protocol):
    """Wakes a listener."""

    async def wait(self) -> object:
        """Return at the next hint; those that come meanwhile are one."""


class Bus(Protocol):
    """Gives hints on topics, as `core.messaging.event_bus.EventBus` does."""

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[Hints]:
        """Listen to `topics` while the context is open."""


def _itself(value: object) -> object:
    return value


def _never(_value: object) -> bool:
    return False


async def present_then_events(
    context: Context,
    bus: Bus,
    topics: Iterable[str],
    read: Callable[[], Awaitable[T | None]],
    *,
    version: Callable[[T], object] = _itself,
    ended: Callable[[T], bool] = _never,
    reread_seconds: float = REREAD_SECONDS,
) -> AsyncIterator[T]:
    """Yield what `read` gives now, and again whenever a hint on `topics` brings another `version` of it.

    Before each further read the context's caller gets its rights as they are then: `read` takes them from the context,
    and so do the fields of the event. None (gone, or no longer to be seen) ends the stream, and so does a value that
    `ended` calls the last; a credential or a permission that has ended is an error that ends it. A burst of hints is
    one read. Hints may be lost, so the row is read again after `reread_seconds` without one.
    """
    wanted = tuple(topics)
    if not wanted:
        raise ValueError("A stream needs at least one topic.")
    if context.principal is not None:
        wanted += (f"user:{context.principal.user_id}",)
    async with bus.subscribe(*wanted) as hints:
        seen: object = object()
        while (value := await read()) is not None:
            if version(value) != seen:
                seen = version(value)
                yield value
            if ended(value):
                return
            await _hint(hints, reread_seconds)
            await context.renewed()


async def _hint(hints: Hints, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await hints.wait()
            await asyncio.sleep(SETTLE_SECONDS)  # A move publishes several hints at once; one read serves them all.
