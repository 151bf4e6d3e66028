"""Tests of the health endpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Route

from carrel.services import ProcessServices, open_services
from core.engine.factory import open_engine
from core.redis.server import RedisServer
from core.settings import Settings
from jobs.sessions.heartbeat import send_heartbeats
from models.services.migration import migrate
from models.services.sessions import regions
from schema.http.health import health_endpoint
from tests.schema.api import Api
from tests.services.missing import required_service
from tests.services.pipe import Pipe
from tests.services.postgres import postgres_server
from tests.waiting import eventually


async def test_health_is_ok(api: Api) -> None:
    answer = await api.http.get("/health")

    engines = {"local": "unknown: no worker reports"}
    assert (answer.status_code, answer.json()) == (200, {"database": "up", "redis": "up", "engines": engines})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_health_reports_redis_down(settings: Settings, database_url: str) -> None:
    server = RedisServer(settings.data_dir / "redis")
    api_settings = settings.model_copy(update={"redis_url": await server.start()})
    async with open_services(api_settings) as services, _health_client(services) as http:
        assert (await http.get("/health")).status_code == 200
        await server.stop()

        answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"] == "up"
    assert answer.json()["redis"].startswith("down: ")


async def test_health_reports_postgres_down(settings: Settings, redis_address: str) -> None:
    with required_service("PostgreSQL"), ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, postgres_server())
        api_settings = settings.model_copy(
            update={"redis_url": redis_address, "database_url": await server.create("carrel")}
        )
        await migrate(api_settings)
        async with open_services(api_settings) as services, _health_client(services) as http:
            assert (await http.get("/health")).status_code == 200
            await asyncio.to_thread(stack.close)

            answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"].startswith("down: ")
    assert answer.json() == {"database": answer.json()["database"], "redis": "up", "engines": {}}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_engine_down_keeps_the_api_healthy(
    settings: Settings, database_url: str, redis: Redis, redis_address: str, docker_host: str, data_dir: Path
) -> None:
    api_settings = settings.model_copy(update={"redis_url": redis_address})
    async with (
        open_services(api_settings) as services,
        _health_client(services) as http,
        Pipe(data_dir / "e", docker_host).listening() as pipe,
    ):
        await regions.ensure("local", 2)
        engine = open_engine(pipe.address)
        beating = asyncio.create_task(send_heartbeats(services.region_context(engine), services.redis, 0.05))

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
        pipe.restore()
        await eventually(is_up, 10)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await engine.close()


@asynccontextmanager
async def _health_client(services: ProcessServices) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/health", health_endpoint(services.app_state))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carrel") as http:
        yield http
