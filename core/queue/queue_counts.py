"""What the queues hold: jobs that wait, run, or are for later, and how long the first one has waited."""

from collections import Counter
from dataclasses import dataclass, field

from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from core.queue.codec import decode

LOOK = 1000
"""How many jobs of a queue are told apart by name; those behind them are counted as others."""
OTHERS = "other"


@dataclass
class Census:
    """The jobs of one queue, by name, and the age in seconds of the oldest that waits."""

    waiting: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)
    deferred: int = 0
    oldest_seconds: float = 0.0


async def census(redis: Redis, queue: str) -> Census:
    """Count what a queue holds now."""
    at = timestamp_ms()
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zrangebyscore(queue, "-inf", at, start=0, num=LOOK, withscores=True)
        pipe.zcount(queue, "-inf", at)
        pipe.zcount(queue, f"({at}", "+inf")
        front, due, deferred = await pipe.execute()
    found = Census(deferred=int(deferred))
    if front:
        await _tell_apart(redis, front, at, found)
    if int(due) > len(front):
        found.waiting[OTHERS] += int(due) - len(front)
    return found


async def _tell_apart(redis: Redis, front: list[tuple[bytes, float]], at: int, found: Census) -> None:
    keys = [key.decode() for key, _ in front]
    jobs = await redis.mget([job_key_prefix + key for key in keys])
    held = await redis.mget([in_progress_key_prefix + key for key in keys])
    for (_, due_at), job, runs in zip(front, jobs, held, strict=True):
        name = str(decode(job)["f"]) if job else OTHERS
        if runs:
            found.running[name] += 1
        else:
            found.waiting[name] += 1
            found.oldest_seconds = max(found.oldest_seconds, (at - due_at) / 1000)
