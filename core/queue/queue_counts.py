"""Counts of waiting, running and deferred jobs in a queue, and the age of the oldest, for `/metrics`."""

from collections import Counter
from dataclasses import dataclass, field

from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from core.queue.codec import decode

MAX_COUNTED_BY_NAME = 1000
"""How many jobs of a queue are counted by name; the jobs behind them are counted as OTHER."""
OTHER = "other"


@dataclass
class QueueCounts:
    """The jobs of one queue by name, and the age in seconds of the oldest waiting one."""

    waiting: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)
    deferred: int = 0
    oldest_seconds: float = 0.0


async def count_queue(redis: Redis, queue: str) -> QueueCounts:
    """Count the jobs of a queue."""
    at = timestamp_ms()
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(queue, "-inf", at, start=0, num=MAX_COUNTED_BY_NAME, withscores=True)
        pipe.zcount(queue, "-inf", at)
        pipe.zcount(queue, f"({at}", "+inf")
        front, due, deferred = await pipe.execute()
    counts = QueueCounts(deferred=int(deferred))
    if front:
        await _count_by_name(redis, front, at, counts)
    if int(due) > len(front):
        counts.waiting[OTHER] += int(due) - len(front)
    return counts


async def _count_by_name(redis: Redis, front: list[tuple[bytes, float]], at: int, counts: QueueCounts) -> None:
    keys = [key.decode() for key, _ in front]
    jobs = await redis.mget([job_key_prefix + key for key in keys])
    claims = await redis.mget([in_progress_key_prefix + key for key in keys])
    for (_, due_at), job, claim in zip(front, jobs, claims, strict=True):
        name = str(decode(job)["f"]) if job else OTHER
        if claim:
            counts.running[name] += 1
        else:
            counts.waiting[name] += 1
            counts.oldest_seconds = max(counts.oldest_seconds, (at - due_at) / 1000)
