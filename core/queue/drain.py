"""Drain a queue within a budget of seconds: what a function does, which the platform kills at its limit.

Jobs are begun as long as one that takes its whole time could still end. What is due later, and what others run, keeps
nobody waiting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arq.constants import in_progress_key_prefix
from arq.utils import timestamp_ms
from redis.asyncio import Redis

from core.errors import BadInput
from core.queue.job_spec import Spec
from core.queue.metrics import Outcome
from core.queue.names import Job
from core.queue.runner import WINDOW, Runner

MARGIN_SECONDS = 1.0
"""What ending takes: the last writes to Redis, and the closing of connections."""


@dataclass(frozen=True)
class Drained:
    """What a drain did, and what it left.

    `due` are jobs that nobody runs and that could be begun now; `next_in` is how many seconds later the first of
    those for later is due.
    """

    done: int
    failed: int
    given_up: int
    due: int
    next_in: float | None
    is_out_of_time: bool
    seconds: float


class _Drain(Runner):
    """A runner that ends when nothing is left to begin, or when time is short."""

    def __init__(
        self,
        redis: Redis,
        queue: str,
        jobs: Mapping[Job, Spec],
        context: Mapping[str, Any],
        *,
        parallel: int,
        budget: float,
    ) -> None:
        super().__init__(redis, queue, jobs, context, parallel=parallel)
        longest = max(spec.seconds for spec in jobs.values())
        if budget < longest + MARGIN_SECONDS:
            raise BadInput(
                f"There are {budget:.0f} s for a call, and a job of {queue} may take {longest:.0f} s; give the function"
                f" at least {longest + 2 * MARGIN_SECONDS:.0f} s, or shorten its jobs."
            )
        self.began = self.loop.time()
        self._last_start = self.began + budget - MARGIN_SECONDS - longest
        self._end = self.began + budget - MARGIN_SECONDS
        self.is_out_of_time = False

    async def is_over(self) -> bool:
        at = self.loop.time()
        if at >= self._last_start and self.allow_pick_jobs:
            self.allow_pick_jobs, self.is_out_of_time = False, True
        if self.tasks:
            if at >= self._end:  # Only one that ignores its own time limit runs so long.
                await self.cancel_all()
                return True
            return False
        return not self.allow_pick_jobs or not await self.claimable()

    async def claimable(self) -> int:
        """Return how many jobs are due and run by nobody, of the first few hundred."""
        due = await self.pool.zrangebyscore(self.queue_name, "-inf", timestamp_ms(), start=0, num=WINDOW)
        if not due:
            return 0
        held = await self.pool.mget([in_progress_key_prefix.encode() + key for key in due])
        return sum(one is None for one in held)

    async def next_in(self) -> float | None:
        """Return in how many seconds the first job for later is due."""
        at = timestamp_ms()
        later = await self.pool.zrangebyscore(self.queue_name, f"({at}", "+inf", start=0, num=1, withscores=True)
        return (later[0][1] - at) / 1000 if later else None


async def drain(
    redis: Redis,
    queue: str,
    jobs: Mapping[Job, Spec],
    context: Mapping[str, Any],
    *,
    budget: float,
    parallel: int = 10,
) -> Drained:
    """Run what is due in `queue` within `budget` seconds; BadInput when not even one job surely ends in them."""
    worker = _Drain(redis, queue, jobs, context, parallel=parallel, budget=budget)
    try:
        await worker.main()
    finally:
        await worker.cancel_all()
    outcomes = worker.tally.outcomes
    return Drained(
        done=outcomes[Outcome.DONE],
        failed=outcomes[Outcome.FAILED] + outcomes[Outcome.LATE] + outcomes[Outcome.CANCELLED],
        given_up=outcomes[Outcome.GIVEN_UP],
        due=await worker.claimable() if worker.is_out_of_time else 0,
        next_in=await worker.next_in(),
        is_out_of_time=worker.is_out_of_time,
        seconds=worker.loop.time() - worker.began,
    )
