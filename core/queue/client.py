"""The client of the job queue, used by the outbox dispatcher."""

from datetime import datetime
from typing import Any

from arq.jobs import SerializationError
from redis.asyncio import Redis

from core.queue.codec import arq_client


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
