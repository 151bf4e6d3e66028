"""The encoding of jobs in Redis: JSON instead of pickle, so that write access to Redis is not code execution."""

from typing import Any

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis


def encode(value: dict[str, Any]) -> bytes:
    """Encode a job or a result."""
    # `default=str`: arq puts exceptions into the results of failed jobs.
    return orjson.dumps(value, default=str)


def decode(text: bytes) -> dict[str, Any]:
    """Decode a job."""
    decoded: dict[str, Any] = orjson.loads(text)
    return decoded


def arq_client(redis: Redis) -> ArqRedis:
    """Return arq's client that shares the connections of `redis`."""
    return ArqRedis(pool_or_conn=redis.connection_pool, job_serializer=encode, job_deserializer=decode)
