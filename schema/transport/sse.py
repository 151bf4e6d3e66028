"""Streams results as server-sent events, and limits the streams of each caller.

A stream ends when its source ends, the client disconnects, or the caller's credential is revoked.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.errors import RateLimited

log = logging.getLogger("carrel.graphql")

HEARTBEAT_SECONDS = 15.0
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """Streams the texts of a source until the client disconnects or `until` returns; then it closes the source."""

    def __init__(
        self,
        source: AsyncGenerator[str, None],
        until: Callable[[], Awaitable[object]],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Stream `source` until `until` returns, with a comment as heartbeat every `heartbeat` seconds."""
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._source = source
        self._until = until
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send events until the source, the connection or the credential ends."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        coroutines = (
            self._pump(send),
            _send_heartbeats(send, self._heartbeat),
            _wait_for_disconnect(receive),
            _wait(self._until),
        )
        tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("An event stream failed", exc_info=outcome)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._source) as source:
            async for text in source:
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(until: Callable[[], Awaitable[object]]) -> None:
    await until()


async def _send_heartbeats(send: Send, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})


class StreamLimiter:
    """Limits the number of concurrent streams of each caller."""

    def __init__(self, max_streams: int) -> None:
        """Allow each caller `max_streams` concurrent streams."""
        self._max_streams = max_streams
        self._running: Counter[object] = Counter()

    def check(self, caller: object) -> None:
        """Raise RateLimited if `caller` has reached the limit."""
        if self._running[caller] >= self._max_streams:
            raise RateLimited(
                f"You can have at most {self._max_streams} streams at once. End one before you start another."
            )

    @contextmanager
    def slot(self, caller: object) -> Iterator[None]:
        """Count one stream of `caller` while the context is open; raise RateLimited if it exceeds the limit."""
        self.check(caller)
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
