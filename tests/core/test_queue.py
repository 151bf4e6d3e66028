"""The queue: plain data in, each job once by its key, and Redis may go away and come back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from carrel.kernel import Kernel
from core.clock import now
from core.engine.fake import FakeEngine
from core.events import EventBus
from core.queue import Job, Queue, Spec, Worker, import_queue, region_queue
from core.redis import MEMORY, close_redis, open_redis
from core.redis_server import RedisServer
from core.settings import Settings
from core.storage import open_storage
from jobs.worker import data_jobs, long_jobs, short_jobs
from tests.waiting import eventually

QUEUE = region_queue("test")
Step = Callable[[int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def working(redis: Redis, step: Step, seconds: float = 5) -> AsyncIterator[Worker]:
    """Run a worker of one job while the context is open."""

    async def job(context: object, number: int) -> None:
        await step(number)

    worker = Worker(redis, QUEUE, {Job.SESSION_LAUNCH: Spec(job, seconds)}, {})
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_every_job_has_one_worker_that_runs_it(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    redis = open_redis(MEMORY)
    kernel = Kernel(settings, redis, EventBus(redis), Queue(redis), open_storage(None, data_dir))
    runtime = kernel.runtime(FakeEngine(data_dir / "engine"))

    short, long = short_jobs(runtime), {**long_jobs(runtime), **data_jobs(runtime)}

    assert {*short, *long} == set(Job)
    assert not {*short} & {*long}
    for job, spec in {**short, **long}.items():
        assert spec.function.__name__ == job.value
        assert spec.seconds < settings.lease_seconds or job in long, "what takes longer prolongs its lease"


async def test_a_job_is_run_with_its_arguments(redis: Redis) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        done.append(number)

    async with working(redis, step):
        assert await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE)
        await eventually(lambda: done == [7])


async def test_a_waiting_job_is_not_queued_twice_under_one_key(redis: Redis) -> None:
    queue = Queue(redis)

    first = await queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    second = await queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")

    assert (first, second, await queue.depth(QUEUE)) == (True, False, 1)


async def test_a_key_is_free_again_when_its_job_is_done(redis: Redis) -> None:
    done: list[int] = []
    queue = Queue(redis)

    async def step(number: int) -> None:
        done.append(number)

    async with working(redis, step):
        for count in (1, 2):
            assert await eventually(lambda: queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7"))
            await eventually(lambda count=count: len(done) == count)


async def test_only_plain_data_is_queued(redis: Redis) -> None:
    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    stored = await redis.get("arq:job:launch:7")
    assert stored is not None
    assert stored.startswith(b"{")

    with pytest.raises(ValueError, match="plain data"):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, {("a", "b"): 1}, queue=QUEUE)


async def test_a_job_for_later_waits_for_its_time(redis: Redis) -> None:
    done: list[float] = []
    due = now() + timedelta(seconds=0.4)

    async def step(_number: int) -> None:
        done.append((now() - due).total_seconds())

    async with working(redis, step):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, due_at=due)
        await eventually(lambda: done)

    assert 0 <= done[0] < 2


async def test_a_job_that_fails_does_not_end_the_worker(redis: Redis) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError
        done.append(number)

    async with working(redis, step):
        for number in (1, 2):
            await Queue(redis).enqueue(Job.SESSION_LAUNCH, number, queue=QUEUE)
        await eventually(lambda: done == [2])


async def test_a_job_that_takes_too_long_is_ended(redis: Redis) -> None:
    ended: list[int] = []

    async def step(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    async with working(redis, step, seconds=0.2):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
        await eventually(lambda: ended == [1])


async def test_a_worker_that_is_told_to_drain_finishes_what_it_has_and_takes_no_more(redis: Redis) -> None:
    begun, done = asyncio.Event(), []

    async def step(number: int) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        done.append(number)

    async with working(redis, step) as worker:
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
        await asyncio.wait_for(begun.wait(), 5)
        draining = asyncio.create_task(worker.drain(5))
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 2, queue=QUEUE)
        await draining
        assert done == [1]


async def test_the_worker_outlives_killed_connections(redis: Redis) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        done.append(number)

    async with working(redis, step):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
        await eventually(lambda: done == [1])
        await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await eventually(lambda: _enqueued(redis, 2))
        await eventually(lambda: 2 in done)


async def _enqueued(redis: Redis, number: int) -> bool:
    try:
        return await Queue(redis).enqueue(Job.SESSION_LAUNCH, number, queue=QUEUE)
    except OSError:
        return False


async def test_queued_jobs_outlive_a_restart_of_redis_and_so_does_the_worker(data_dir: Path) -> None:
    done: list[int] = []
    server = RedisServer(data_dir / "redis")
    address = await server.start()
    redis = open_redis(address)

    async def step(number: int) -> None:
        done.append(number)

    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
    async with working(redis, step):
        await eventually(lambda: done == [1])
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 2, queue=QUEUE, due_at=now() + timedelta(seconds=0.5))
        await server.stop()
    await close_redis(redis)

    again = open_redis(await server.start())
    async with working(again, step):
        await eventually(lambda: 2 in done)
    await close_redis(again)
    await server.stop()


def test_regions_do_not_share_queues() -> None:
    names = {region_queue("one"), region_queue("two"), import_queue("one"), import_queue("two")}

    assert len(names) == 4
