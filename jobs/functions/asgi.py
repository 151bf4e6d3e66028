"""The adapter for ASGI hosts (Knative, Cloud Run, OpenFaaS, a virtual machine): `uvicorn jobs.functions.asgi:app`.

A signed POST is answered when the work is done, because such hosts take the processor away after the response.
`GET /health` answers 200 when the server listens.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from core.errors import BadInput, CarrelError, NotFound
from core.queue.functions.waker import SIGNATURE_HEADER
from core.settings import Settings
from jobs.functions.invocation import Invocation, parse_signed, run_invocation
from jobs.functions.preflight import check_settings, get_settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_CONCURRENT_CALLS = 2
MAX_BODY_BYTES = 16 * 1024


class ConcurrencyLimiter:
    """Limits the concurrent calls of each queue.

    One more call may wait. It has not read its queue yet, so it will see every job that exists when it starts;
    further calls are answered at once, because the waiting call covers their work.
    """

    def __init__(self, max_concurrent: int = MAX_CONCURRENT_CALLS) -> None:
        """Allow `max_concurrent` calls of each queue."""
        self._max_concurrent = max_concurrent
        self._running: Counter[str] = Counter()
        self._waiting: set[str] = set()
        self._released = asyncio.Condition()

    async def acquire(self, name: str) -> bool:
        """Wait for a slot and return True (then call `release`); return False when another call waits already."""
        async with self._released:
            if self._running[name] >= self._max_concurrent:
                if name in self._waiting:
                    return False
                self._waiting.add(name)
                try:
                    await self._released.wait_for(lambda: self._running[name] < self._max_concurrent)
                finally:
                    self._waiting.discard(name)
            self._running[name] += 1
            return True

    async def release(self, name: str) -> None:
        """Free the slot."""
        async with self._released:
            self._running[name] -= 1
            self._released.notify_all()


class FunctionHost:
    """The ASGI application; it wakes on signed requests and runs one invocation for each."""

    def __init__(self, settings: Settings, limiter: ConcurrencyLimiter | None = None) -> None:
        """Serve with `settings`."""
        self._settings, self._limiter = settings, limiter or ConcurrencyLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an HTTP request or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._handle_lifespan(receive, send)
        elif scope["type"] == "http":
            status, response = await self._answer(scope, receive)
            body = json.dumps(response).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _handle_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            check_settings(self._settings, needs_files=False)
        except BadInput as error:
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        try:
            if scope["method"] == "GET" and scope["path"] == "/health":
                return 200, {"listens": True}
            if scope["method"] != "POST" or scope["path"] != "/":
                raise NotFound("Send a wake-up as POST to /.")
            body = await _read_body(receive)
            return 200, await self._run(parse_signed(self._settings, _header(scope, SIGNATURE_HEADER), body))
        except CarrelError as error:
            return error.status, {"code": error.code, "message": error.message}

    async def _run(self, invocation: Invocation) -> dict[str, Any]:
        name = invocation.queue.kind.value if invocation.queue else " ".join(task.name for task in invocation.tasks)
        if not await self._limiter.acquire(name):
            return {"joined": True}
        try:
            return await run_invocation(self._settings, invocation, self._settings.function_timeout_seconds)
        finally:
            await self._limiter.release(name)


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            raise BadInput(f"The body of a wake-up is limited to {MAX_BODY_BYTES} bytes; send less.")
        if not message.get("more_body"):
            return body


def _header(scope: Scope, name: str) -> str | None:
    lower_name = name.lower().encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == lower_name), None)


@cache
def _host() -> FunctionHost:
    return FunctionHost(get_settings())


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve with the settings of the environment."""
    await _host()(scope, receive, send)
