"""Put jobs into Redis."""

from datetime import datetime
from typing import Any

from arq.jobs import SerializationError
from redis.asyncio import Redis

from core.queue.codec import arq_over


class Queue:
    """Puts jobs into Redis."""

    def __init__(self, redis: Redis) -> None:
        """Share the connections of `redis`."""
        self._redis = arq_over(redis)

    async def enqueue(
        self, name: str, *arguments: Any, queue: str, key: str | None = None, due_at: datetime | None = None
    ) -> bool:
        """Put a job into `queue`; False when one with this key waits or runs already."""
        try:
            job = await self._redis.enqueue_job(name, *arguments, _queue_name=queue, _job_id=key, _defer_until=due_at)
        except SerializationError as error:
            raise ValueError(f"The arguments of {name} are not plain data.") from error
        return job is not None

    async def depth(self, queue: str) -> int:
        """Return how many jobs wait or run in `queue`."""
        return int(await self._redis.zcard(queue))
