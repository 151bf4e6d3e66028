"""Jobs as they lie in Redis: plain data as JSON, so that who writes to Redis runs no code in a worker."""

from typing import Any

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis


def encode(value: dict[str, Any]) -> bytes:
    """Write a job or a result."""
    return orjson.dumps(value, default=str)


def decode(text: bytes) -> dict[str, Any]:
    """Read a job."""
    decoded: dict[str, Any] = orjson.loads(text)
    return decoded


def arq_over(redis: Redis) -> ArqRedis:
    """Return arq's client over the connections of `redis`."""
    return ArqRedis(pool_or_conn=redis.connection_pool, job_serializer=encode, job_deserializer=decode)
