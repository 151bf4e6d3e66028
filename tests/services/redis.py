"""A real Redis of the tests' own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import Unavailable
from core.redis_server import RedisServer
from tests.services.missing import Missing


@contextmanager
def redis_server() -> Iterator[str]:
    """Run the product's own private server for the duration; yield its address."""
    with TemporaryDirectory(prefix="carrel-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            yield asyncio.run(_start(server))
        finally:
            asyncio.run(server.stop())


async def _start(server: RedisServer) -> str:
    try:
        return await server.start()
    except Unavailable as error:
        raise Missing(error.message) from error
