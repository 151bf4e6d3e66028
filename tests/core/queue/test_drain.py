"""A drain runs what is due within its budget, and never waits for jobs of others."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.errors import BadInput
from core.queue import DrainResult, Job, JobSpec, Queue, drain, region_queue

QUEUE = region_queue("test")
Step = Callable[[int], Coroutine[Any, Any, None]]


async def run_drain(
    redis: Redis, step: Step, *, seconds: float = 1.0, budget: float = 10.0, parallel: int = 10
) -> DrainResult:
    async def job(_context: object, number: int) -> None:
        await step(number)

    return await drain(redis, QUEUE, {Job.SESSION_CHECK: JobSpec(job, seconds)}, {}, budget=budget, parallel=parallel)


async def enqueue(redis: Redis, *numbers: int, later: float = 0) -> None:
    due = now() + timedelta(seconds=later) if later else None
    for number in numbers:
        await Queue(redis).enqueue(Job.SESSION_CHECK, number, queue=QUEUE, key=f"check:{number}", due_at=due)


class StepRecorder(list[int]):
    """The numbers of finished steps; each step takes `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def step(self, number: int) -> None:
        await asyncio.sleep(self._seconds)
        self.append(number)


async def test_drain_runs_all_due_jobs_and_ends(redis: Redis) -> None:
    await enqueue(redis, *range(60))
    recorder = StepRecorder()

    done = await run_drain(redis, recorder.step)

    assert sorted(recorder) == list(range(60))
    assert (done.done, done.due, done.next_in, done.is_out_of_time) == (60, 0, None, False)


async def test_empty_queue_takes_no_time(redis: Redis) -> None:
    done = await run_drain(redis, StepRecorder().step)

    assert (done.done, done.seconds < 0.5) == (0, True)


async def test_deferred_job_is_not_awaited(redis: Redis) -> None:
    await enqueue(redis, 1, later=60)

    done = await run_drain(redis, StepRecorder().step)

    assert (done.done, done.due) == (0, 0)
    assert done.next_in is not None
    assert 55 < done.next_in <= 60
    assert done.seconds < 1


async def test_claimed_job_is_not_awaited(redis: Redis) -> None:
    await enqueue(redis, 1, 2)
    await redis.set("arq:in-progress:check:1", b"1")
    recorder = StepRecorder()

    done = await run_drain(redis, recorder.step)

    assert (recorder, done.due) == ([2], 0)


async def test_job_behind_claimed_jobs_is_found(redis: Redis) -> None:
    await enqueue(redis, *range(61))
    for number in range(60):
        await redis.set(f"arq:in-progress:check:{number}", b"1")
    recorder = StepRecorder()

    await run_drain(redis, recorder.step, parallel=2)

    assert recorder == [60]


async def test_no_job_starts_that_could_not_end(redis: Redis) -> None:
    await enqueue(redis, *range(20))
    recorder = StepRecorder(0.3)

    done = await run_drain(redis, recorder.step, seconds=1.0, budget=3.0, parallel=2)

    assert done.is_out_of_time
    assert done.done + done.due == 20
    assert done.done == len(recorder) >= 4
    assert done.seconds < 3.0
    rest = await run_drain(redis, StepRecorder().step)
    assert rest.done == done.due


async def test_budget_too_short_for_one_job_is_refused(redis: Redis) -> None:
    with pytest.raises(BadInput, match="give the function at least 32 s"):
        await run_drain(redis, StepRecorder().step, seconds=30, budget=20)


async def test_job_over_its_time_limit_is_cancelled(redis: Redis) -> None:
    await enqueue(redis, 1, 2)
    began = time.monotonic()

    done = await run_drain(redis, StepRecorder(60).step, seconds=0.3, budget=4.0)

    assert done.failed == 2
    assert time.monotonic() - began < 4


async def test_job_added_during_the_drain_runs(redis: Redis) -> None:
    await enqueue(redis, 1)
    recorder = StepRecorder()

    async def step(number: int) -> None:
        await recorder.step(number)
        if number < 5:
            await enqueue(redis, number + 1)

    await run_drain(redis, step)

    assert recorder == [1, 2, 3, 4, 5]


async def test_concurrent_drains_run_each_job_once(redis: Redis) -> None:
    await enqueue(redis, *range(1000))
    recorder = StepRecorder(0.001)

    ends = await asyncio.gather(*(run_drain(redis, recorder.step, budget=30) for _ in range(4)))

    assert sorted(recorder) == list(range(1000))
    assert sum(end.done for end in ends) == 1000
    assert all(end.done > 50 for end in ends)
    assert await redis.zcard(QUEUE) == 0
