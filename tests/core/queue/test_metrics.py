"""Counts of waiting, running and deferred jobs, and totals of finished ones."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.queue import Job, JobSpec, Queue, drain, region_queue
from core.queue.metrics import count_queue, job_totals

QUEUE = region_queue("test")


async def _work(context: object, number: int) -> None:
    await asyncio.sleep(0.03)
    if number == 3:
        raise ZeroDivisionError


async def test_jobs_are_counted_by_state(redis: Redis) -> None:
    queue = Queue(redis)
    long_ago = now() - timedelta(seconds=20)
    await queue.enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE, key="one", due_at=long_ago)
    await queue.enqueue(Job.SESSION_LAUNCH, 2, queue=QUEUE, key="two")
    await queue.enqueue(Job.SESSION_STOP, 3, queue=QUEUE, key="three", due_at=now() - timedelta(seconds=40))
    await queue.enqueue(Job.SESSION_CHECK, 4, queue=QUEUE, due_at=now() + timedelta(hours=1))
    await redis.set("arq:in-progress:three", b"1")

    found = await count_queue(redis, QUEUE)

    assert dict(found.waiting) == {Job.SESSION_LAUNCH: 2}
    assert dict(found.running) == {Job.SESSION_STOP: 1}
    assert found.deferred == 1
    assert found.oldest_seconds == pytest.approx(20, abs=2)


async def test_empty_queue_counts_nothing(redis: Redis) -> None:
    found = await count_queue(redis, QUEUE)

    assert (found.waiting, found.running, found.deferred, found.oldest_seconds) == ({}, {}, 0, 0.0)


async def test_totals_include_every_drain(redis: Redis) -> None:
    specs = {Job.SESSION_CHECK: JobSpec(_work, 1)}
    for numbers in ((1, 2), (3, 4)):
        for number in numbers:
            await Queue(redis).enqueue(Job.SESSION_CHECK, number, queue=QUEUE)
        await drain(redis, QUEUE, specs, {}, budget=5)

    totals = (await job_totals(redis))[Job.SESSION_CHECK]

    assert totals.outcomes == {"done": 3, "failed": 1}
    assert sum(totals.buckets.values()) == 4
    assert totals.buckets.get(0.01, 0) + totals.buckets.get(0.025, 0) == 0
    assert 0.12 <= totals.seconds < 1
