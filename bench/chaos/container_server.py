"""What answers for the containers of the fake engine: late, and not always well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

SLOWEST_SECONDS = 0.3
REFUSED = 0.3


@asynccontextmanager
async def answering(
    random: Random, *, slowest: float = SLOWEST_SECONDS, refused: float = REFUSED
) -> AsyncIterator[int]:
    """Listen on a free local port, which is yielded; three in ten requests are answered with 503, all with a delay."""

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
