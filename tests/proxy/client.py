"""A client of raw bytes: it sends requests that no library would send."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.proxy.session_directory import LABEL

DOMAIN = "sessions.test"
HOST = f"{LABEL}.{DOMAIN}"


@dataclass
class Reply:
    """An answer as the client saw it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def request(
    target: str = "/", *lines: str, method: str = "GET", host: str | None = HOST, cookie: str | None = f"{LABEL}:owner",
    body: bytes = b"", version: str = "HTTP/1.1",
) -> bytes:  # fmt: skip
    """Return a request; without `cookie` it has no credential."""
    head = [f"{method} {target} {version}"]
    if host is not None:
        head.append(f"Host: {host}")
    if cookie is not None:
        head.append(f"Cookie: carrel-entry={cookie}")
    head += lines
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def handshake(target: str = "/", *lines: str, **options: Any) -> bytes:
    """Return a websocket handshake from the session's own page."""
    upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
    key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    own = [] if any(line.lower().startswith("origin:") for line in lines) else [f"Origin: http://{HOST}"]
    given = {line.partition(":")[0].lower() for line in lines}
    chosen = [line for line in upgrade + key + own if line.partition(":")[0].lower() not in given]
    return request(target, *chosen, *(line for line in lines if line.partition(":")[2].strip()), **options)


class Client:
    """One raw connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, *, head: bool = False, seconds: float = 5) -> Reply:
        """Read one answer; IncompleteReadError or ConnectionError when it is cut off."""
        async with asyncio.timeout(seconds):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw[:-4].split(b"\r\n")
            status = int(first.split(b" ")[1])
            headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
            reply = Reply(status, headers, b"")
            if head or status < 200 or status in (204, 304):
                return reply
            reply.body = await self._body(reply)
            return reply

    async def _body(self, reply: Reply) -> bytes:
        length = reply.get(b"content-length")
        if length is not None:
            return await self.reader.readexactly(int(length))
        if reply.get(b"transfer-encoding") is None:
            return await self.reader.read()
        body = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readexactly(2)
        return b"".join(body)

    async def ask(self, data: bytes, *, head: bool = False) -> Reply:
        await self.send(data)
        return await self.reply(head=head)

    async def closed(self, seconds: float = 5) -> bytes:
        """Wait for the end of the connection, and return what came before it."""
        got = b""
        async with asyncio.timeout(seconds):
            try:
                while data := await self.reader.read(1 << 16):
                    got += data
            except ConnectionError:
                pass
        return got

    def close(self) -> None:
        self.writer.transport.abort()
