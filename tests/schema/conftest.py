"""The real API, on each kind of database or on the quicker one alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
from redis.asyncio import Redis

from carrel import servers
from carrel.services import open_kernel
from core.database.connection import forget_statements
from core.settings import Settings
from tests.people import assemble
from tests.schema.api import Api
from tests.schema.served import Served, served_api
from tests.services.databases import copy_sqlite


@pytest.fixture
def changes() -> dict[str, object]:
    """Settings that a test wants otherwise; override it."""
    return {}


@pytest.fixture
async def served(
    settings: Settings, database_url: str, redis_address: str, redis: Redis, changes: dict[str, object]
) -> AsyncIterator[Served]:
    """The API over each kind of database."""
    forget_statements()
    async with served_api(settings.model_copy(update=changes)) as served:
        yield served


@pytest.fixture
async def quick(
    settings: Settings,
    sqlite_template: Path,
    data_dir: Path,
    redis_address: str,
    redis: Redis,
    changes: dict[str, object],
) -> AsyncIterator[Served]:
    """The API over SQLite."""
    forget_statements()
    url = copy_sqlite(sqlite_template, data_dir)
    async with served_api(settings.model_copy(update={"database_url": url, **changes})) as served:
        yield served


@pytest.fixture
async def api(
    settings: Settings, database_url: str, redis_address: str, redis: Redis, changes: dict[str, object]
) -> AsyncIterator[Api]:
    """The API, served as in production, over a filled database of each kind, with everybody who may call it."""
    socket = servers.listen("127.0.0.1", 0, "no variable")
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    ours = settings.model_copy(update={"api_url": url, "redis_url": redis_address, **changes})
    forget_statements()
    async with open_kernel(ours) as kernel, httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
        cast = await assemble(ours)
        running = asyncio.create_task(servers.api(kernel, [socket]))
        yield Api(kernel, cast, http)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
