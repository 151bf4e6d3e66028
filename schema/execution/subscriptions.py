"""Streams the states of one object to subscriptions: the current one, then each change until a final state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeVar

from schema.context import GraphQLContext

T = TypeVar("T")
DEBOUNCE_SECONDS = 0.02
REREAD_SECONDS = 30.0


class Listener(Protocol):
    """Waits for notifications of its topics."""

    async def wait(self) -> object:
        """Return at the next notification; several since the last call count as one."""


class TopicBus(Protocol):
    """Notifies listeners of topics; `core.messaging.event_bus.EventBus` implements it."""

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[Listener]:
        """Subscribe to `topics` while the context is open."""


def _identity(value: object) -> object:
    return value


def _never(_value: object) -> bool:
    return False


async def snapshot_then_updates(
    context: GraphQLContext,
    bus: TopicBus,
    topics: Iterable[str],
    read: Callable[[], Awaitable[T | None]],
    *,
    version: Callable[[T], object] = _identity,
    is_final: Callable[[T], bool] = _never,
    reread_seconds: float = REREAD_SECONDS,
) -> AsyncIterator[T]:
    """Yield the value of `read`, and again after a notification on `topics` if its `version` has changed.

    The caller's permissions are reloaded into `context` before each further read. The stream ends when `read` returns
    None (deleted or no longer visible) or `is_final` is true for the value. It fails when the caller's credential or
    permission is no longer valid. Several notifications in quick succession cause one read. Notifications may be lost,
    so the value is also read after `reread_seconds` without one.
    """
    wanted = tuple(topics)
    if not wanted:
        raise ValueError("A subscription needs at least one topic.")
    if context.principal is not None:
        wanted += (f"user:{context.principal.user_id}",)
    async with bus.subscribe(*wanted) as listener:
        last_version: object = object()
        while (value := await read()) is not None:
            if version(value) != last_version:
                last_version = version(value)
                yield value
            if is_final(value):
                return
            await _wait_for_notification(listener, reread_seconds)
            await context.refresh_access()


async def _wait_for_notification(listener: Listener, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await listener.wait()
            await asyncio.sleep(
                DEBOUNCE_SECONDS
            )  # One transition publishes several messages; read once for all of them.
