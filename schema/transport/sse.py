"""Streams over HTTP: server-sent events that end when the client, the caller's rights or the source end."""

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
    """Sends the texts of a source as they come; closes the source when the client goes or `until` is done."""

    def __init__(
        self,
        source: AsyncGenerator[str, None],
        until: Callable[[], Awaitable[object]],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Stream `source`, at the longest until `until` returns, with a sign of life every `heartbeat` seconds."""
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._source = source
        self._until = until
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Run until the first of three ends: source, client, rights."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        ends = (self._pump(send), _beat(send, self._heartbeat), _gone(receive), _done(self._until))
        tasks = [asyncio.create_task(each) for each in ends]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("A stream ended by accident", exc_info=outcome)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._source) as source:
            async for text in source:
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _done(until: Callable[[], Awaitable[object]]) -> None:
    await until()


async def _beat(send: Send, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b": ping\r\n\r\n", "more_body": True})


class Turnstile:
    """Counts the running streams of each caller and refuses one too many."""

    def __init__(self, most: int) -> None:
        """Let each caller have `most` streams at once."""
        self._most = most
        self._running: Counter[object] = Counter()

    def check(self, caller: object) -> None:
        """Raise RATE_LIMITED when `caller` may begin no other stream now."""
        if self._running[caller] >= self._most:
            raise RateLimited(f"At most {self._most} streams at once; end one before you begin another.")

    @contextmanager
    def entered(self, caller: object) -> Iterator[None]:
        """Count one stream of `caller` while the context is open, after a `check`."""
        self.check(caller)
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
