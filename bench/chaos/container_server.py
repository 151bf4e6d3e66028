"""Answers HTTP requests for containers of the fake engine, with delays and errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

MAX_DELAY_SECONDS = 0.3
REFUSED_SHARE = 0.3


@asynccontextmanager
async def answering(
    random: Random, *, slowest: float = MAX_DELAY_SECONDS, refused: float = REFUSED_SHARE
) -> AsyncIterator[int]:
    """Listen on a free local port and yield it; delay every response and answer the share `refused` with 503."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(random.uniform(0, slowest))
            status = b"503 Service Unavailable" if random.random() < refused else b"200 OK"
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
