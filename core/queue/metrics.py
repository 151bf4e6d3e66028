"""Job metrics for `/metrics`: lengths of queues, and outcomes and durations of runs.

A function is too short-lived to be scraped, so every runner adds its numbers in Redis. If Redis loses them the counters
restart at zero, which Prometheus handles.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from core.queue.client import decode

KEY = "carrel:jobs:tally"
FLUSH_SECONDS = 1.0
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
MAX_COUNTED_BY_NAME = 1000
"""How many jobs of a queue are counted by name; the jobs behind them are counted as OTHER."""
OTHER = "other"


class JobOutcome(StrEnum):
    """How a run of a job ended."""

    DONE = "done"
    FAILED = "failed"
    LATE = "late"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"


class JobMetrics:
    """The numbers of one worker since its last flush."""

    def __init__(self) -> None:
        """Start at zero."""
        self.outcomes: Counter[JobOutcome] = Counter()
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._flushed_at = monotonic()

    def record(self, job: str, outcome: JobOutcome, seconds: float) -> None:
        """Count one run."""
        self.outcomes[outcome] += 1
        self._counts[f"{job} outcome {outcome}"] += 1
        bucket = next((limit for limit in BUCKETS if seconds <= limit), None)
        self._counts[f"{job} bucket {'inf' if bucket is None else bucket}"] += 1
        self._seconds[job] = self._seconds.get(job, 0.0) + seconds

    def is_due(self) -> bool:
        """Return whether there are numbers, and the last flush was more than FLUSH_SECONDS ago."""
        return bool(self._counts) and monotonic() - self._flushed_at > FLUSH_SECONDS

    async def flush(self, redis: Redis) -> None:
        """Add the numbers since the last flush to those in Redis."""
        # Swapped before the await, so that runs recorded during the flush are not lost.
        counts, seconds = self._counts, self._seconds
        self._counts, self._seconds, self._flushed_at = Counter(), {}, monotonic()
        if not counts:
            return
        async with redis.pipeline(transaction=False) as pipe:
            for name, count in counts.items():
                pipe.hincrby(KEY, name, count)
            for job, spent in seconds.items():
                pipe.hincrbyfloat(KEY, f"{job} seconds", round(spent, 6))
            await pipe.execute()


@dataclass
class JobTotals:
    """The outcomes and durations of all runs of one job."""

    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[float, int] = field(default_factory=dict)
    seconds: float = 0.0


async def job_totals(redis: Redis) -> dict[str, JobTotals]:
    """Return the totals of each job; a bucket counts only its own runs, not those of smaller ones."""
    totals: dict[str, JobTotals] = {}
    stored: dict[bytes, bytes] = await redis.hgetall(KEY)  # type: ignore[misc]
    for raw, value in stored.items():
        job, field_name, *label = raw.decode().split(" ")
        job_total = totals.setdefault(job, JobTotals())
        if field_name == "seconds":
            job_total.seconds = float(value)
        elif field_name == "outcome":
            job_total.outcomes[label[0]] = int(value)
        else:
            job_total.buckets[float(label[0])] = int(value)
    return totals


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
