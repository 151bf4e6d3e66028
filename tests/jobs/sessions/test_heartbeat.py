"""Heartbeats: the worker publishes the engine's state every few seconds; without them the state is unknown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.engine import heartbeat
from core.engine.factory import open_engine
from core.engine.fake.engine import FaultProfile
from core.redis.client import close_redis, open_redis
from jobs.context import RegionContext
from jobs.sessions.heartbeat import engine_state, send_heartbeats
from tests.jobs.conftest import JobEnv
from tests.services.missing import required_service
from tests.services.pipe import Pipe
from tests.services.redis import KillableRedis
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
INTERVAL_SECONDS = 0.05


@asynccontextmanager
async def heartbeats(region_context: RegionContext, redis: Redis) -> AsyncIterator[asyncio.Task[None]]:
    """Send heartbeats while the block runs."""
    task = asyncio.create_task(send_heartbeats(region_context, redis, INTERVAL_SECONDS))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is_reported(redis: Redis, state: str) -> bool:
    return (await heartbeat.read_heartbeats(redis, ["local"]))["local"] == state


async def test_heartbeat_reports_engine_down_and_up_again(job_env: JobEnv, redis: Redis) -> None:
    async with heartbeats(job_env.region_context, redis):
        await eventually(lambda: _is_reported(redis, heartbeat.UP))
        job_env.engine.faults = FaultProfile(unreachable=True)
        await eventually(lambda: _is_reported(redis, "down: EngineUnavailable"))
        job_env.engine.faults = FaultProfile()
        await eventually(lambda: _is_reported(redis, heartbeat.UP))


async def test_heartbeat_expires_without_successor(job_env: JobEnv, redis: Redis) -> None:
    async with heartbeats(job_env.region_context, redis):
        await eventually(lambda: _is_reported(redis, heartbeat.UP))

    (key,) = await redis.keys("carrel:engine:*")
    assert 0 < await redis.ttl(key) <= heartbeat.HEARTBEAT_TTL_SECONDS
    await redis.pexpire(key, 1)
    assert await eventually(lambda: _is_reported(redis, heartbeat.UNKNOWN))


async def test_hanging_engine_is_down(job_env: JobEnv) -> None:
    job_env.engine.faults = FaultProfile(call_seconds=1.0)

    assert await engine_state(job_env.engine, seconds=0.05) == "down: TimeoutError"


async def test_heartbeats_continue_after_redis_outage(job_env: JobEnv, data_dir: Path) -> None:
    with required_service("Redis"):
        mortal = KillableRedis(data_dir)
    mortal.start()
    redis = open_redis(mortal.address)
    try:
        async with heartbeats(job_env.region_context, redis) as task:
            await eventually(lambda: _is_reported(redis, heartbeat.UP))
            mortal.kill()
            mortal.start()
            listener = open_redis(mortal.address)
            try:
                await eventually(lambda: _is_reported(listener, heartbeat.UP))
            finally:
                await close_redis(listener)
            assert not task.done()
    finally:
        await close_redis(redis)
        mortal.kill()


async def test_docker_engine_with_unreachable_host_is_down(
    job_env: JobEnv, redis: Redis, docker_host: str, data_dir: Path
) -> None:
    async with Pipe(data_dir / "engine", docker_host).listening() as pipe:
        engine = open_engine(pipe.address)
        region_context = job_env.services.region_context(engine)
        async with heartbeats(region_context, redis):
            await eventually(lambda: _is_reported(redis, heartbeat.UP))
            await pipe.cut()
            await eventually(lambda: _is_reported(redis, "down: EngineUnavailable"))
            pipe.restore()
            await eventually(lambda: _is_reported(redis, heartbeat.UP), 10)
        await engine.close()
