"""The health page tells the truth."""

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from carrel.kernel import open_kernel
from core.redis_server import RedisServer
from core.settings import Settings
from schema.health import health_of
from tests.schema.api import Api


async def test_all_is_well(api: Api) -> None:
    answer = await api.http.get("/health")

    engines = {"local": "unknown: no worker reports"}
    assert (answer.status_code, answer.json()) == (200, {"database": "up", "redis": "up", "engines": engines})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_redis_that_is_down_is_told(settings: Settings, database_url: str) -> None:
    server = RedisServer(settings.data_dir / "redis")
    ours = settings.model_copy(update={"redis_url": await server.start()})
    async with open_kernel(ours) as kernel:
        app = Starlette(routes=[Route("/health", health_of(kernel.house))])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carrel") as http:
            assert (await http.get("/health")).status_code == 200
            await server.stop()

            answer = await http.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"] == "up"
    assert answer.json()["redis"].startswith("down: ")
