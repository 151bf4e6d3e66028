"""Drains a queue within a budget of seconds; functions use it, because their platform kills them at its limit.

A job is started only if it can end within the budget. Deferred jobs and jobs of other runners are not awaited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arq.constants import in_progress_key_prefix
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from core.errors import BadInput
from core.queue.job_spec import JobSpec
from core.queue.metrics import JobOutcome
from core.queue.names import Job
from core.queue.runner import MAX_SCANNED, Runner

MARGIN_SECONDS = 1.0
"""The time that the end takes: the last writes to Redis, and closing connections."""


@dataclass(frozen=True)
class DrainResult:
    """The result of a drain.

    `due` counts jobs that could start now and that no runner has claimed. `next_in` is in how many seconds the next
    deferred job is due.
    """

    done: int
    failed: int
    given_up: int
    due: int
    next_in: float | None
    is_out_of_time: bool
    seconds: float


class _Drain(Runner):
    """A runner that ends when no job is left to start, or when the time is short."""

    def __init__(
        self,
        redis: Redis,
        queue: str,
        jobs: Mapping[Job, JobSpec],
        context: Mapping[str, Any],
        *,
        parallel: int,
        budget: float,
    ) -> None:
        super().__init__(redis, queue, jobs, context, parallel=parallel)
        longest = max(spec.seconds for spec in jobs.values())
        if budget < longest + MARGIN_SECONDS:
            raise BadInput(
                f"A call has {budget:.0f} s, and a job of {queue} may take {longest:.0f} s; give the function at least"
                f" {longest + 2 * MARGIN_SECONDS:.0f} s, or lower the time limit of its jobs."
            )
        self.began = self.loop.time()
        self._last_start = self.began + budget - MARGIN_SECONDS - longest
        self._end = self.began + budget - MARGIN_SECONDS
        self.is_out_of_time = False

    async def should_stop(self) -> bool:
        at = self.loop.time()
        if at >= self._last_start and self.allow_pick_jobs:
            self.allow_pick_jobs, self.is_out_of_time = False, True
        if self.tasks:
            if at >= self._end:  # Only a job that ignores its own time limit runs so long.
                await self.cancel_all()
                return True
            return False
        return not self.allow_pick_jobs or not await self.count_claimable()

    async def count_claimable(self) -> int:
        """Return how many jobs are due and unclaimed, among the first MAX_SCANNED."""
        due = await self.pool.zrangebyscore(self.queue_name, "-inf", timestamp_ms(), start=0, num=MAX_SCANNED)
        if not due:
            return 0
        claims = await self.pool.mget([in_progress_key_prefix.encode() + key for key in due])
        return sum(one is None for one in claims)

    async def next_in(self) -> float | None:
        """Return in how many seconds the next deferred job is due."""
        at = timestamp_ms()
        later = await self.pool.zrangebyscore(self.queue_name, f"({at}", "+inf", start=0, num=1, withscores=True)
        return (later[0][1] - at) / 1000 if later else None


async def drain(
    redis: Redis,
    queue: str,
    jobs: Mapping[Job, JobSpec],
    context: Mapping[str, Any],
    *,
    budget: float,
    parallel: int = 10,
) -> DrainResult:
    """Run the jobs that are due within `budget` seconds; BadInput when the budget is too short for one job."""
    worker = _Drain(redis, queue, jobs, context, parallel=parallel, budget=budget)
    try:
        await worker.main()
    finally:
        await worker.cancel_all()
    outcomes = worker.metrics.outcomes
    return DrainResult(
        done=outcomes[JobOutcome.DONE],
        failed=outcomes[JobOutcome.FAILED] + outcomes[JobOutcome.LATE] + outcomes[JobOutcome.CANCELLED],
        given_up=outcomes[JobOutcome.GIVEN_UP],
        # Counted only after a stop for lack of time; otherwise the queue was just seen empty.
        due=await worker.count_claimable() if worker.is_out_of_time else 0,
        next_in=await worker.next_in(),
        is_out_of_time=worker.is_out_of_time,
        seconds=worker.loop.time() - worker.began,
    )
