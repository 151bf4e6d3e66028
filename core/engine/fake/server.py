"""The HTTP server of a fake container: it answers 200, or never."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from core.engine.protocol import Address


class FakeServer:
    """A listening port of this process; `never_answers` is called for each request."""

    def __init__(self, never_answers: Callable[[], bool]) -> None:
        self._never_answers = never_answers
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> Address:
        """Listen on a free local port and return its address."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return Address(host, port)

    def stop(self) -> None:
        """Refuse new connections and abort the open ones."""
        if self._server:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def wait_closed(self) -> None:
        """Return when all connections of a stopped server are closed."""
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Register the connection before its task can run."""
        self._open.add(writer)
        task = asyncio.create_task(self._answer(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._open.discard(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if self._never_answers():
            await reader.read()
            return
        body = json.dumps({"request": head.split("\r\n", 1)[0]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
