"""A worker's pulse: every few seconds the region's engine is told of, as it is then, and silence means nobody knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.engine import heartbeat
from core.engine.factory import open_engine
from core.engine.fake.engine import Behaviour
from core.redis.client import close_redis, open_redis
from jobs.context import Runtime
from jobs.sessions.heartbeat import beat, state_of
from tests.jobs.conftest import Bench
from tests.services.missing import needed
from tests.services.pipe import Pipe
from tests.services.redis import MortalRedis
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OFTEN = 0.05


@asynccontextmanager
async def beating(runtime: Runtime, redis: Redis) -> AsyncIterator[asyncio.Task[None]]:
    """Let the pulse beat meanwhile."""
    task = asyncio.create_task(beat(runtime, redis, OFTEN))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _heard(redis: Redis, wanted: str) -> bool:
    return (await heartbeat.heard(redis, ["local"]))["local"] == wanted


async def test_the_pulse_tells_of_an_engine_that_dies_and_comes_back(bench: Bench, redis: Redis) -> None:
    async with beating(bench.runtime, redis):
        await eventually(lambda: _heard(redis, heartbeat.UP))
        bench.engine.behaviour = Behaviour(dead=True)
        await eventually(lambda: _heard(redis, "down: EngineUnavailable"))
        bench.engine.behaviour = Behaviour()
        await eventually(lambda: _heard(redis, heartbeat.UP))


async def test_what_was_told_is_forgotten_when_no_beat_follows(bench: Bench, redis: Redis) -> None:
    async with beating(bench.runtime, redis):
        await eventually(lambda: _heard(redis, heartbeat.UP))

    (key,) = await redis.keys("carrel:engine:*")
    assert 0 < await redis.ttl(key) <= heartbeat.LIVES_SECONDS
    await redis.pexpire(key, 1)
    assert await eventually(lambda: _heard(redis, heartbeat.UNKNOWN))


async def test_an_engine_that_hangs_is_down(bench: Bench) -> None:
    bench.engine.behaviour = Behaviour(call_seconds=1.0)

    assert await state_of(bench.engine, within=0.05) == "down: TimeoutError"


async def test_the_pulse_outlives_a_redis_that_dies(bench: Bench, data_dir: Path) -> None:
    with needed("Redis"):
        mortal = MortalRedis(data_dir)
    mortal.start()
    redis = open_redis(mortal.address)
    try:
        async with beating(bench.runtime, redis) as task:
            await eventually(lambda: _heard(redis, heartbeat.UP))
            mortal.kill()
            mortal.start()
            listener = open_redis(mortal.address)
            try:
                await eventually(lambda: _heard(listener, heartbeat.UP))
            finally:
                await close_redis(listener)
            assert not task.done()
    finally:
        await close_redis(redis)
        mortal.kill()


async def test_a_real_engine_whose_host_is_gone_is_down(
    bench: Bench, redis: Redis, docker_host: str, data_dir: Path
) -> None:
    async with Pipe(data_dir / "engine", docker_host).opened() as pipe:
        engine = open_engine(pipe.address)
        runtime = bench.kernel.runtime(engine)
        async with beating(runtime, redis):
            await eventually(lambda: _heard(redis, heartbeat.UP))
            await pipe.cut()
            await eventually(lambda: _heard(redis, "down: EngineUnavailable"))
            pipe.mend()
            await eventually(lambda: _heard(redis, heartbeat.UP), 10)
        await engine.close()
