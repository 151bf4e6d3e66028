"""A drain does what is due within its budget, can end whatever it begins, and waits for nobody else's jobs."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.errors import BadInput
from core.queue import Drained, Job, Queue, Spec, drain, region_queue

QUEUE = region_queue("test")
Step = Callable[[int], Coroutine[Any, Any, None]]


async def drained(
    redis: Redis, step: Step, *, seconds: float = 1.0, budget: float = 10.0, parallel: int = 10
) -> Drained:
    async def job(_context: object, number: int) -> None:
        await step(number)

    return await drain(redis, QUEUE, {Job.SESSION_CHECK: Spec(job, seconds)}, {}, budget=budget, parallel=parallel)


async def put(redis: Redis, *numbers: int, later: float = 0) -> None:
    due = now() + timedelta(seconds=later) if later else None
    for number in numbers:
        await Queue(redis).enqueue(Job.SESSION_CHECK, number, queue=QUEUE, key=f"check:{number}", due_at=due)


class Notes(list[int]):
    """What was done; each step takes a moment."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def step(self, number: int) -> None:
        await asyncio.sleep(self._seconds)
        self.append(number)


async def test_all_that_is_due_is_done_and_then_it_ends(redis: Redis) -> None:
    await put(redis, *range(60))
    notes = Notes()

    done = await drained(redis, notes.step)

    assert sorted(notes) == list(range(60))
    assert (done.done, done.due, done.next_in, done.is_out_of_time) == (60, 0, None, False)


async def test_an_empty_queue_takes_no_time(redis: Redis) -> None:
    done = await drained(redis, Notes().step)

    assert (done.done, done.seconds < 0.5) == (0, True)


async def test_a_job_for_later_keeps_nobody_waiting(redis: Redis) -> None:
    await put(redis, 1, later=60)

    done = await drained(redis, Notes().step)

    assert (done.done, done.due) == (0, 0)
    assert done.next_in is not None
    assert 55 < done.next_in <= 60
    assert done.seconds < 1


async def test_a_job_that_somebody_else_runs_keeps_nobody_waiting(redis: Redis) -> None:
    await put(redis, 1, 2)
    await redis.set("arq:in-progress:check:1", b"1")
    notes = Notes()

    done = await drained(redis, notes.step)

    assert (notes, done.due) == ([2], 0)


async def test_a_job_behind_many_that_others_run_is_found(redis: Redis) -> None:
    await put(redis, *range(61))
    for number in range(60):
        await redis.set(f"arq:in-progress:check:{number}", b"1")
    notes = Notes()

    await drained(redis, notes.step, parallel=2)

    assert notes == [60]


async def test_nothing_is_begun_that_could_not_end_and_what_is_left_is_told(redis: Redis) -> None:
    await put(redis, *range(20))
    notes = Notes(0.3)

    done = await drained(redis, notes.step, seconds=1.0, budget=3.0, parallel=2)

    assert done.is_out_of_time
    assert done.done + done.due == 20
    assert done.done == len(notes) >= 4
    assert done.seconds < 3.0
    rest = await drained(redis, Notes().step)
    assert rest.done == done.due


async def test_a_budget_in_which_no_job_surely_ends_is_refused(redis: Redis) -> None:
    with pytest.raises(BadInput, match="give the function at least 32 s"):
        await drained(redis, Notes().step, seconds=30, budget=20)


async def test_a_job_over_its_time_is_ended_and_does_not_hold_the_drain(redis: Redis) -> None:
    await put(redis, 1, 2)
    began = time.monotonic()

    done = await drained(redis, Notes(60).step, seconds=0.3, budget=4.0)

    assert done.failed == 2
    assert time.monotonic() - began < 4


async def test_a_job_that_is_added_while_it_drains_is_done_too(redis: Redis) -> None:
    await put(redis, 1)
    notes = Notes()

    async def step(number: int) -> None:
        await notes.step(number)
        if number < 5:
            await put(redis, number + 1)

    await drained(redis, step)

    assert notes == [1, 2, 3, 4, 5]


async def test_four_drains_at_once_share_a_thousand_jobs_and_do_each_once(redis: Redis) -> None:
    await put(redis, *range(1000))
    notes = Notes(0.001)

    ends = await asyncio.gather(*(drained(redis, notes.step, budget=30) for _ in range(4)))

    assert sorted(notes) == list(range(1000))
    assert sum(end.done for end in ends) == 1000
    assert all(end.done > 50 for end in ends)
    assert await redis.zcard(QUEUE) == 0
