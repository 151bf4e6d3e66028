"""The health page tells the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Route

from carrel.services import Kernel, open_kernel
from core.engine.factory import open_engine
from core.redis.server import RedisServer
from core.settings import Settings
from jobs.sessions.heartbeat import beat
from models.services.migration import migrate
from models.services.sessions import regions
from schema.http.health import health_of
from tests.schema.api import Api
from tests.services.missing import needed
from tests.services.pipe import Pipe
from tests.services.postgres import postgres_server
from tests.waiting import eventually


async def test_all_is_well(api: Api) -> None:
    answer = await api.http.get("/health")

    engines = {"local": "unknown: no worker reports"}
    assert (answer.status_code, answer.json()) == (200, {"database": "up", "redis": "up", "engines": engines})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_redis_that_is_down_is_told(settings: Settings, database_url: str) -> None:
    server = RedisServer(settings.data_dir / "redis")
    ours = settings.model_copy(update={"redis_url": await server.start()})
    async with open_kernel(ours) as kernel, _asking(kernel) as http:
        assert (await http.get("/health")).status_code == 200
        await server.stop()

        answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"] == "up"
    assert answer.json()["redis"].startswith("down: ")


async def test_a_postgres_that_is_down_is_told(settings: Settings, redis_address: str) -> None:
    with needed("PostgreSQL"), ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, postgres_server())
        ours = settings.model_copy(update={"redis_url": redis_address, "database_url": await server.create("carrel")})
        await migrate(ours)
        async with open_kernel(ours) as kernel, _asking(kernel) as http:
            assert (await http.get("/health")).status_code == 200
            await asyncio.to_thread(stack.close)

            answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"].startswith("down: ")
    assert answer.json() == {"database": answer.json()["database"], "redis": "up", "engines": {}}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_engine_that_is_down_is_told_by_its_worker_and_the_api_goes_on(
    settings: Settings, database_url: str, redis: Redis, redis_address: str, docker_host: str, data_dir: Path
) -> None:
    ours = settings.model_copy(update={"redis_url": redis_address})
    async with open_kernel(ours) as kernel, _asking(kernel) as http, Pipe(data_dir / "e", docker_host).opened() as pipe:
        await regions.ensure("local", 2)
        engine = open_engine(pipe.address)
        beating = asyncio.create_task(beat(kernel.runtime(engine), kernel.redis, 0.05))

        async def engines() -> object:
            answer = await http.get("/health")
            assert answer.status_code == 200
            return answer.json()["engines"]["local"]

        async def is_down() -> bool:
            return await engines() == "down: EngineUnavailable"

        async def is_up() -> bool:
            return await engines() == "up"

        await eventually(is_up)
        await pipe.cut()
        await eventually(is_down)
        pipe.mend()
        await eventually(is_up, 10)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await engine.close()


@asynccontextmanager
async def _asking(kernel: Kernel) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/health", health_of(kernel.house))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carrel") as http:
        yield http
