"""Fixtures of the served API, over each kind of database or SQLite only."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
from redis.asyncio import Redis

from carrel import servers
from carrel.services import open_services
from core.database.connection import clear_statement_cache
from core.settings import Settings
from tests.people import create_people
from tests.schema.api import Api
from tests.schema.served import Served, served_api
from tests.services.databases import copy_sqlite


@pytest.fixture
def changes() -> dict[str, object]:
    """Settings that a test overrides."""
    return {}


@pytest.fixture
async def served(
    settings: Settings, database_url: str, redis_address: str, redis: Redis, changes: dict[str, object]
) -> AsyncIterator[Served]:
    """The API over each kind of database."""
    clear_statement_cache()
    async with served_api(settings.model_copy(update=changes)) as served:
        yield served


@pytest.fixture
async def sqlite_api(
    settings: Settings,
    sqlite_template: Path,
    data_dir: Path,
    redis_address: str,
    redis: Redis,
    changes: dict[str, object],
) -> AsyncIterator[Served]:
    """The API over SQLite."""
    clear_statement_cache()
    url = copy_sqlite(sqlite_template, data_dir)
    async with served_api(settings.model_copy(update={"database_url": url, **changes})) as served:
        yield served


@pytest.fixture
async def api(
    settings: Settings, database_url: str, redis_address: str, redis: Redis, changes: dict[str, object]
) -> AsyncIterator[Api]:
    """The API with sample people and data, over each kind of database."""
    socket = servers.listen("127.0.0.1", 0, "no variable")
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    api_settings = settings.model_copy(update={"api_url": url, "redis_url": redis_address, **changes})
    clear_statement_cache()
    async with (
        open_services(api_settings) as services,
        httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http,
    ):
        people = await create_people(api_settings)
        running = asyncio.create_task(servers.api(services, [socket]))
        yield Api(services, people, http)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
