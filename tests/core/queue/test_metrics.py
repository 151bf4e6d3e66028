"""The numbers of jobs: what waits, runs and is for later, and what became of those that ran."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.queue import Job, Queue, Spec, drain, region_queue
from core.queue.metrics import sums
from core.queue.queue_counts import census

QUEUE = region_queue("test")


async def _work(context: object, number: int) -> None:
    await asyncio.sleep(0.03)
    if number == 3:
        raise ZeroDivisionError


async def test_jobs_are_counted_by_what_they_do_now(redis: Redis) -> None:
    queue = Queue(redis)
    long_ago = now() - timedelta(seconds=20)
    await queue.enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE, key="one", due_at=long_ago)
    await queue.enqueue(Job.SESSION_LAUNCH, 2, queue=QUEUE, key="two")
    await queue.enqueue(Job.SESSION_STOP, 3, queue=QUEUE, key="three", due_at=now() - timedelta(seconds=40))
    await queue.enqueue(Job.SESSION_CHECK, 4, queue=QUEUE, due_at=now() + timedelta(hours=1))
    await redis.set("arq:in-progress:three", b"1")

    found = await census(redis, QUEUE)

    assert dict(found.waiting) == {Job.SESSION_LAUNCH: 2}
    assert dict(found.running) == {Job.SESSION_STOP: 1}
    assert found.deferred == 1
    assert found.oldest_seconds == pytest.approx(20, abs=2)


async def test_an_empty_queue_holds_nothing(redis: Redis) -> None:
    found = await census(redis, QUEUE)

    assert (found.waiting, found.running, found.deferred, found.oldest_seconds) == ({}, {}, 0, 0.0)


async def test_the_sums_hold_what_every_drain_did(redis: Redis) -> None:
    specs = {Job.SESSION_CHECK: Spec(_work, 1)}
    for numbers in ((1, 2), (3, 4)):
        for number in numbers:
            await Queue(redis).enqueue(Job.SESSION_CHECK, number, queue=QUEUE)
        await drain(redis, QUEUE, specs, {}, budget=5)

    told = (await sums(redis))[Job.SESSION_CHECK]

    assert told.outcomes == {"done": 3, "failed": 1}
    assert sum(told.buckets.values()) == 4
    assert told.buckets.get(0.01, 0) + told.buckets.get(0.025, 0) == 0
    assert 0.12 <= told.seconds < 1
