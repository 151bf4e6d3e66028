"""A job that keeps failing ends its row with a reason; occasional failures do not."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from core.queue import DrainResult, Job, JobSpec, Queue, drain, region_queue
from core.queue.job_spec import MAX_CRASHES, MAX_FAILURES

QUEUE = region_queue("test")


class Row:
    """A row that a job works on; the job fails while it is broken."""

    def __init__(self) -> None:
        self.broken = True
        self.takes = 0.0
        self.runs = 0
        self.exhausted: list[tuple[Any, ...]] = []

    async def work(self, context: object, key: int) -> None:
        self.runs += 1
        await asyncio.sleep(self.takes)
        if self.broken:
            raise ZeroDivisionError

    async def end(self, context: object, key: int, why: str) -> None:
        self.exhausted.append((key, why))

    async def run_job(self, redis: Redis, times: int = 1) -> DrainResult:
        for _ in range(times):
            await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
            done = await drain(redis, QUEUE, {Job.SESSION_LAUNCH: JobSpec(self.work, 0.3, self.end)}, {}, budget=5)
        return done


@pytest.fixture
def row() -> Row:
    return Row()


async def test_job_that_keeps_failing_ends_its_row(redis: Redis, row: Row) -> None:
    await row.run_job(redis, MAX_FAILURES - 1)
    assert row.exhausted == []

    done = await row.run_job(redis)

    assert (done.given_up, done.failed) == (1, 0)
    assert row.exhausted == [(7, "It failed 5 times because of an internal error (ZeroDivisionError); see the log.")]


async def test_failures_far_apart_do_not_add_up(redis: Redis, row: Row) -> None:
    await row.run_job(redis, MAX_FAILURES - 1)
    assert 0 < await redis.ttl("carrel:failures:session_launch:7") <= 900
    await redis.delete("carrel:failures:session_launch:7")  # As it will be gone by itself.

    await row.run_job(redis)

    assert row.exhausted == []


async def test_job_that_crashes_its_runner_is_exhausted(redis: Redis, row: Row) -> None:
    row.broken = False
    await redis.set("arq:retry:launch:7", MAX_CRASHES)

    done = await row.run_job(redis)

    assert (row.runs, done.given_up) == (0, 1)
    assert row.exhausted == [(7, "It was started 8 times and never ended.")]


async def test_successful_job_does_not_end_its_row(redis: Redis, row: Row) -> None:
    row.broken = False

    await row.run_job(redis, MAX_FAILURES + 2)

    assert (row.runs, row.exhausted) == (MAX_FAILURES + 2, [])


async def test_job_that_always_times_out_is_exhausted(redis: Redis, row: Row) -> None:
    row.takes = 60

    first = await row.run_job(redis)
    await row.run_job(redis, MAX_FAILURES - 1)

    assert (first.failed, row.runs) == (1, MAX_FAILURES)
    assert row.exhausted == [(7, "It did not end within 0.3 s, 5 times.")]
