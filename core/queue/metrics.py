"""What became of jobs and how long they took, added up in Redis over all workers and functions of an installation.

A function lives too shortly to be asked, so nobody is: whoever runs jobs adds what it saw, and the API tells the sums.
Redis may forget them; who draws curves of them knows counters that begin anew.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from redis.asyncio import Redis

KEY = "carrel:jobs:tally"
OFTEN_SECONDS = 1.0
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Outcome(StrEnum):
    """How a run of a job ended."""

    DONE = "done"
    FAILED = "failed"
    LATE = "late"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"


class Tally:
    """What one worker saw and has not told yet."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.outcomes: Counter[Outcome] = Counter()
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._told = monotonic()

    def note(self, job: str, outcome: Outcome, seconds: float) -> None:
        """Count one run."""
        self.outcomes[outcome] += 1
        self._counts[f"{job} outcome {outcome}"] += 1
        bucket = next((limit for limit in BUCKETS if seconds <= limit), None)
        self._counts[f"{job} bucket {'inf' if bucket is None else bucket}"] += 1
        self._seconds[job] = self._seconds.get(job, 0.0) + seconds

    def is_due(self) -> bool:
        """Say whether there is something to tell that is a second old."""
        return bool(self._counts) and monotonic() - self._told > OFTEN_SECONDS

    async def tell(self, redis: Redis) -> None:
        """Add what was seen since the last time."""
        counts, seconds = self._counts, self._seconds
        self._counts, self._seconds, self._told = Counter(), {}, monotonic()
        if not counts:
            return
        async with redis.pipeline(transaction=False) as pipe:
            for name, count in counts.items():
                pipe.hincrby(KEY, name, count)
            for job, spent in seconds.items():
                pipe.hincrbyfloat(KEY, f"{job} seconds", round(spent, 6))
            await pipe.execute()


@dataclass
class Sums:
    """What became of all runs of one job."""

    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[float, int] = field(default_factory=dict)
    seconds: float = 0.0


async def sums(redis: Redis) -> dict[str, Sums]:
    """Return the sums of each job that ever ran, as far as Redis remembers; a bucket counts what it alone holds."""
    found: dict[str, Sums] = {}
    told_so_far: dict[bytes, bytes] = await redis.hgetall(KEY)  # type: ignore[misc]
    for raw, value in told_so_far.items():
        job, sort, *label = raw.decode().split(" ")
        told = found.setdefault(job, Sums())
        if sort == "seconds":
            told.seconds = float(value)
        elif sort == "outcome":
            told.outcomes[label[0]] = int(value)
        else:
            told.buckets[float(label[0])] = int(value)
    return found
