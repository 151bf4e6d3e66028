"""The client of the job queue and the encoding of jobs in Redis; the outbox dispatcher and the runner use it.

Jobs are JSON instead of pickle, so that write access to Redis is not code execution.
"""

from datetime import datetime
from typing import Any

import orjson
from arq.connections import ArqRedis
from arq.jobs import SerializationError
from redis.asyncio import Redis


class Queue:
    """Enqueues jobs in Redis."""

    def __init__(self, redis: Redis) -> None:
        """Share the connections of `redis`."""
        self._redis = arq_client(redis)

    async def enqueue(
        self, name: str, *arguments: Any, queue: str, key: str | None = None, due_at: datetime | None = None
    ) -> bool:
        """Enqueue a job; False when a job with this key is queued or running."""
        try:
            job = await self._redis.enqueue_job(name, *arguments, _queue_name=queue, _job_id=key, _defer_until=due_at)
        except SerializationError as error:
            raise ValueError(f"The arguments of {name} cannot be written as JSON.") from error
        # arq returns None when a job with this id is queued or running.
        return job is not None

    async def depth(self, queue: str) -> int:
        """Return how many jobs are queued or running in `queue`."""
        return int(await self._redis.zcard(queue))


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
