"""The connection to Redis, which carries wake-ups, events, tickets and rate buckets, and never the truth."""

import asyncio
from collections.abc import Iterable
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

CONNECTIONS = 64
MEMORY = "memory://"


class Cancellable(AbstractConnection):
    """A connection whose user can be cancelled at any moment.

    The stock one sends within `asyncio.wait_for`, which before Python 3.12 swallows a cancellation that comes while the
    command leaves: one in six, measured. A worker that lives on Redis would then not end when it is told to.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        """Send within the socket's timeout; a connection that was left in the midst of it is closed."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]
        elif check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        text = command.encode() if isinstance(command, str) else command
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([text] if isinstance(text, bytes) else text)
        except OSError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError(f"Redis could not be written to: {error}") from error
        except BaseException:
            await self.disconnect(nowait=True)
            raise


def open_redis(url: str) -> Redis:
    """Return a client for `url` (redis://, rediss:// or unix://); it connects at first use.

    `memory://` is a Redis inside this process: nothing of it survives the process, and no other process sees it.
    """
    if url == MEMORY:
        from fakeredis import FakeAsyncRedisConnection, FakeServer

        fake: Any = FakeAsyncRedisConnection
        return Redis(connection_pool=ConnectionPool(connection_class=fake, server=FakeServer()))
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=5,
        socket_connect_timeout=3,
        socket_timeout=10,
        health_check_interval=30,
    )
    pool.connection_class = type("Connection", (Cancellable, pool.connection_class), {})
    return Redis(connection_pool=pool)


async def close_redis(redis: Redis) -> None:
    """Close every connection of the client's pool."""
    await redis.aclose(close_connection_pool=True)
