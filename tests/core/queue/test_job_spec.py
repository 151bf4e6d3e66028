"""A job that fails again and again is poison: its row is ended, with a sentence; one that fails now and then is not."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from core.queue import Drained, Job, Queue, Spec, drain, region_queue
from core.queue.job_spec import DEATHS, FAILURES

QUEUE = region_queue("test")


class Row:
    """What a job works on; it breaks as long as it is told to."""

    def __init__(self) -> None:
        self.broken = True
        self.takes = 0.0
        self.runs = 0
        self.given_up: list[tuple[Any, ...]] = []

    async def work(self, context: object, key: int) -> None:
        self.runs += 1
        await asyncio.sleep(self.takes)
        if self.broken:
            raise ZeroDivisionError

    async def end(self, context: object, key: int, why: str) -> None:
        self.given_up.append((key, why))

    async def asked(self, redis: Redis, times: int = 1) -> Drained:
        for _ in range(times):
            await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
            done = await drain(redis, QUEUE, {Job.SESSION_LAUNCH: Spec(self.work, 0.3, self.end)}, {}, budget=5)
        return done


@pytest.fixture
def row() -> Row:
    return Row()


async def test_the_row_of_a_job_that_keeps_failing_is_ended_with_the_reason(redis: Redis, row: Row) -> None:
    await row.asked(redis, FAILURES - 1)
    assert row.given_up == []

    done = await row.asked(redis)

    assert (done.given_up, done.failed) == (1, 0)
    assert row.given_up == [(7, "It failed 5 times for a reason of ours (ZeroDivisionError); it is logged.")]


async def test_failures_that_lie_far_apart_do_not_add_up(redis: Redis, row: Row) -> None:
    await row.asked(redis, FAILURES - 1)
    assert 0 < await redis.ttl("carrel:failures:session_launch:7") <= 900
    await redis.delete("carrel:failures:session_launch:7")  # As it will be gone by itself.

    await row.asked(redis)

    assert row.given_up == []


async def test_a_job_that_ends_whoever_runs_it_is_given_up_unseen(redis: Redis, row: Row) -> None:
    row.broken = False
    await redis.set("arq:retry:launch:7", DEATHS)

    done = await row.asked(redis)

    assert (row.runs, done.given_up) == (0, 1)
    assert row.given_up == [(7, "It was begun 8 times and never came to an end.")]


async def test_a_job_that_works_is_left_alone(redis: Redis, row: Row) -> None:
    row.broken = False

    await row.asked(redis, FAILURES + 2)

    assert (row.runs, row.given_up) == (FAILURES + 2, [])


async def test_a_job_that_never_ends_within_its_time_is_given_up(redis: Redis, row: Row) -> None:
    row.takes = 60

    first = await row.asked(redis)
    await row.asked(redis, FAILURES - 1)

    assert (first.failed, row.runs) == (1, FAILURES)
    assert row.given_up == [(7, "It did not end within 0.3 s, 5 times.")]
