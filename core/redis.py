"""The connection to Redis, which carries wake-ups, events, tickets and rate buckets, and never the truth."""

from typing import Any

from fakeredis import FakeAsyncRedisConnection, FakeServer
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis

CONNECTIONS = 64
MEMORY = "memory://"


def open_redis(url: str) -> Redis:
    """Return a client for `url` (redis://, rediss:// or unix://); it connects at first use.

    `memory://` is a Redis inside this process: nothing of it survives the process, and no other process sees it.
    """
    if url == MEMORY:
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
    return Redis(connection_pool=pool)


async def close_redis(redis: Redis) -> None:
    """Close every connection of the client's pool."""
    await redis.aclose(close_connection_pool=True)
