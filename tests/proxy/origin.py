"""A fake of a container's program: it answers as a test wants and records every byte that it receives."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

SWITCHING_PROTOCOLS = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
Answerer = Callable[["Call", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Call:
    """One request as the container saw it."""

    raw: bytes
    body: bytes = b""
    connection: int = 0

    @property
    def line(self) -> bytes:
        return self.raw.split(b"\r\n", 1)[0]

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        lines = self.raw.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def names(self) -> list[bytes]:
        return [name.lower() for name, _ in self.headers]


def sends(raw: bytes, *, close: bool = False) -> Answerer:
    """Return an answerer that sends exactly these bytes."""

    async def answer(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if close:
            writer.close()

    return answer


def ok(body: bytes = b"hello", *headers: bytes) -> Answerer:
    """Return an answerer of 200 with a body."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), lines, body))


@dataclass
class Origin:
    """A loopback server that answers with `answer`, after reading the whole request if `reads_body` is set."""

    answer: Answerer = field(default_factory=ok)
    reads_body: bool = True
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> tuple[str, int]:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        host, port = self.server.sockets[0].getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()

    async def until(self, condition: Callable[[], bool], seconds: float = 5) -> None:
        """Wait until something about the origin is true."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    async def _note(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        number = self.connections
        self.writers.add(writer)
        await self._note()
        try:
            while not writer.is_closing():
                call = Call(await reader.readuntil(b"\r\n\r\n"), connection=number)
                self.calls.append(call)
                await self._note()
                if self.reads_body:
                    await self._read_body(call, reader)
                await self.answer(call, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            self.writers.discard(writer)
            writer.close()
            await self._note()

    async def _read_body(self, call: Call, reader: asyncio.StreamReader) -> None:
        length = call.get(b"content-length")
        if length is not None:
            call.body = await reader.readexactly(int(length))
        elif call.get(b"transfer-encoding") is not None:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                call.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
