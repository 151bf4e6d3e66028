"""For any host that runs an ASGI application in a container: Knative, Cloud Run, OpenFaaS, a virtual machine.

`uvicorn jobs.functions.asgi:app`. A signed POST is answered when the work is done, since such hosts take the processor
away after the answer; `GET /health` tells that it listens.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from core.errors import BadInput, CarrelError, NotFound
from core.queue.functions.waker import HEADER
from core.settings import Settings
from jobs.functions.invocation import Ask, answer, read, understood
from jobs.functions.preflight import check
from jobs.functions.start import settings
from jobs.functions.trust import trusted

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

AT_ONCE = 2
BODY_LIMIT = 16 * 1024


class Doorman:
    """Lets few calls work at once.

    One more may wait, which has not looked at its queue yet and so sees all that is there when its turn comes; whoever
    comes while it waits is answered at once, for nothing is left to do.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Let so many in for each queue."""
        self._at_once = at_once
        self._inside: Counter[str] = Counter()
        self._waiting: set[str] = set()
        self._left = asyncio.Condition()

    async def enter(self, name: str) -> bool:
        """Return True when it is one's turn, to be given back with `leave`; False when somebody waits already."""
        async with self._left:
            if self._inside[name] >= self._at_once:
                if name in self._waiting:
                    return False
                self._waiting.add(name)
                try:
                    await self._left.wait_for(lambda: self._inside[name] < self._at_once)
                finally:
                    self._waiting.discard(name)
            self._inside[name] += 1
            return True

    async def leave(self, name: str) -> None:
        """Give the place to the next."""
        async with self._left:
            self._inside[name] -= 1
            self._left.notify_all()


class Host:
    """The application of one process."""

    def __init__(self, settings: Settings, doorman: Doorman | None = None) -> None:
        """Serve with these settings."""
        self._settings, self._doorman = settings, doorman or Doorman()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in start and end of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            status, told = await self._answer(scope, receive)
            body = json.dumps(told).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            check(self._settings, needs_files=False)
        except BadInput as refusal:
            await send({"type": "lifespan.startup.failed", "message": refusal.message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        try:
            if scope["method"] == "GET" and scope["path"] == "/health":
                return 200, {"listens": True}
            if scope["method"] != "POST" or scope["path"] != "/":
                raise NotFound("A bell is a POST to /.")
            body = await _body(receive)
            trusted(self._settings, _header(scope, HEADER), body)
            return 200, await self._work(understood(read(body), self._settings))
        except CarrelError as refusal:
            return refusal.status, {"code": refusal.code, "message": refusal.message}

    async def _work(self, ask: Ask) -> dict[str, Any]:
        name = ask.queue.kind.value if ask.queue else " ".join(chore.name for chore in ask.chores)
        if not await self._doorman.enter(name):
            return {"joined": True}
        try:
            return await answer(self._settings, ask, self._settings.call_seconds)
        finally:
            await self._doorman.leave(name)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > BODY_LIMIT:
            raise BadInput(f"A bell has at most {BODY_LIMIT} bytes.")
        if not message.get("more_body"):
            return body


def _header(scope: Scope, name: str) -> str | None:
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted), None)


@cache
def _host() -> Host:
    return Host(settings())


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve with the settings of the environment."""
    await _host()(scope, receive, send)
