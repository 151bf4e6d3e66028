"""The queue holds JSON, runs each job once by its key, and survives restarts of Redis."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.queue import (
    JOB_LOCK_SECONDS,
    Job,
    JobSpec,
    Queue,
    QueueClass,
    Worker,
    parse_queue,
    queue_of,
    region_queue,
)
from core.redis.client import close_redis, open_redis
from core.redis.server import RedisServer
from core.settings import Settings
from jobs.queues import WORKER_QUEUES
from tests.waiting import eventually

QUEUE = region_queue("test")
LONG = {QueueClass.IMPORTS, QueueClass.DATA}
Step = Callable[[int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def working(redis: Redis, step: Step, seconds: float = 5) -> AsyncIterator[Worker]:
    """Run a worker of one job while the context is open."""

    async def job(context: object, number: int) -> None:
        await step(number)

    worker = Worker(redis, QUEUE, {Job.SESSION_LAUNCH: JobSpec(job, seconds)}, {})
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_every_job_has_one_queue(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)

    found = [(job, queue.kind, spec) for queue in WORKER_QUEUES for job, spec in queue.specs(settings).items()]

    assert sorted(job for job, _, _ in found) == sorted(Job)
    assert {kind for _, kind, _ in found} == set(QueueClass)
    for job, kind, spec in found:
        assert spec.function.__name__ == job.value
        assert spec.seconds < settings.lease_seconds or kind in LONG, "what takes longer prolongs its lease"


@pytest.mark.parametrize("kind", QueueClass)
def test_queue_name_parses_to_region_and_class(kind: QueueClass) -> None:
    region = "" if kind is QueueClass.DATA else "eu-west"

    assert parse_queue(queue_of(kind, "eu-west")) == (region, kind)


async def test_job_runs_with_its_arguments(redis: Redis) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        done.append(number)

    async with working(redis, step):
        assert await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE)
        await eventually(lambda: done == [7])


async def test_waiting_job_is_not_queued_twice(redis: Redis) -> None:
    queue = Queue(redis)

    first = await queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    second = await queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")

    assert (first, second, await queue.depth(QUEUE)) == (True, False, 1)


async def test_key_is_free_after_its_job_is_done(redis: Redis) -> None:
    done: list[int] = []
    queue = Queue(redis)

    async def step(number: int) -> None:
        done.append(number)

    async with working(redis, step):
        for count in (1, 2):
            assert await eventually(lambda: queue.enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7"))
            await eventually(lambda count=count: len(done) == count)


async def test_only_json_is_queued(redis: Redis) -> None:
    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    stored = await redis.get("arq:job:launch:7")
    assert stored is not None
    assert stored.startswith(b"{")

    with pytest.raises(ValueError, match="written as JSON"):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, {("a", "b"): 1}, queue=QUEUE)


async def test_deferred_job_waits_for_its_time(redis: Redis) -> None:
    done: list[float] = []
    due = now() + timedelta(seconds=0.4)

    async def step(_number: int) -> None:
        done.append((now() - due).total_seconds())

    async with working(redis, step):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, due_at=due)
        await eventually(lambda: done)

    assert 0 <= done[0] < 2


async def test_failed_job_does_not_end_the_worker(redis: Redis) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        if number == 1:
            raise ZeroDivisionError
        done.append(number)

    async with working(redis, step):
        for number in (1, 2):
            await Queue(redis).enqueue(Job.SESSION_LAUNCH, number, queue=QUEUE)
        await eventually(lambda: done == [2])


async def test_job_over_its_time_limit_is_cancelled(redis: Redis) -> None:
    ended: list[int] = []

    async def step(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    async with working(redis, step, seconds=0.2):
        await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
        await eventually(lambda: ended == [1])


async def test_draining_worker_finishes_jobs_and_starts_none(redis: Redis) -> None:
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


async def test_worker_survives_killed_connections(redis: Redis) -> None:
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


async def test_jobs_and_worker_survive_a_redis_restart(data_dir: Path) -> None:
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


async def test_worker_can_be_cancelled_without_redis(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(data_dir / "redis")
    redis = open_redis(await server.start())
    done: list[int] = []

    async def step(number: int) -> None:
        done.append(number)
        await server.stop()

    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 1, queue=QUEUE)
    async with asyncio.timeout(15):
        async with working(redis, step):
            await eventually(lambda: done == [1])
            await eventually(lambda: "Redis was lost" in caplog.text)  # Now it waits before it reconnects.
    await close_redis(redis)


DOOMED = """
import asyncio, sys
from core.queue import Job, JobSpec, Worker
from core.redis.client import open_redis

async def job(context, number):
    print("picked up", flush=True)
    await asyncio.sleep(3600)

asyncio.run(Worker(open_redis(sys.argv[1]), sys.argv[2], {Job.SESSION_LAUNCH: JobSpec(job, 30)}, {}).run())
"""


async def test_job_of_a_killed_worker_runs_elsewhere_soon(redis: Redis, redis_address: str) -> None:
    done: list[int] = []

    async def step(number: int) -> None:
        done.append(number)

    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DOOMED, redis_address, QUEUE, stdout=asyncio.subprocess.PIPE
    )
    assert doomed.stdout is not None
    assert await asyncio.wait_for(doomed.stdout.readline(), 20) == b"picked up\n"
    doomed.kill()
    await doomed.wait()

    async with working(redis, step, seconds=30):
        await eventually(lambda: done == [7], JOB_LOCK_SECONDS + 4)


async def test_running_job_is_claimed_by_no_other_worker(redis: Redis) -> None:
    begun: list[str] = []

    async def first(number: int) -> None:
        begun.append("first")
        await asyncio.sleep(JOB_LOCK_SECONDS * 1.5)
        begun.append("first is done")

    async def second(number: int) -> None:
        begun.append("second")

    await Queue(redis).enqueue(Job.SESSION_LAUNCH, 7, queue=QUEUE, key="launch:7")
    async with working(redis, first, seconds=30):
        await eventually(lambda: begun)
        async with working(redis, second, seconds=30):
            await eventually(lambda: len(begun) > 1, JOB_LOCK_SECONDS * 2)

    assert begun == ["first", "first is done"]


def test_regions_do_not_share_queues() -> None:
    names = {queue_of(kind, region) for kind in QueueClass for region in ("one", "two", "data", "imports")}

    assert len(names) == 9
