"""Fixtures of the end-to-end tests: a whole Carrel, its people, and a workstation that is ready."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.database import connection as databases
from core.database.connection import forget_statements
from tests import docker_service
from tests.e2e.caller import Caller
from tests.e2e.installation import House, open_house
from tests.services.databases import copy_sqlite
from tests.services.missing import needed
from tests.services.postgres import Postgres
from tests.services.redis import redis_server

TITLE = "Desk"


@pytest.fixture(scope="package")
def own_redis() -> Iterator[str]:
    """A Redis of these tests alone: their workers must not take the jobs of others."""
    with needed("Redis"), redis_server() as address:
        yield address


@pytest.fixture(scope="package")
def archive(docker_host: str) -> Path:
    """The example workstation, as `docker save | gzip` would write it."""
    return docker_service.workstation_archive()


@pytest.fixture(scope="package")
def house(own_redis: str, docker_host: str, archive: Path, sqlite_template: Path) -> Iterator[House]:
    """A whole Carrel over SQLite, where ada has brought a public workstation."""
    with tempfile.TemporaryDirectory(prefix="carrel-e2e-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        url = copy_sqlite(sqlite_template, folder)
        with open_house(folder, database_url=url, redis_url=own_redis, docker_host=docker_host) as house:
            yield house


@pytest.fixture(scope="package")
def workstation(house: House, archive: Path) -> str:
    """The id of a public workstation of ada's with a ready image."""
    return asyncio.run(bring_workstation(house, archive))


async def bring_workstation(house: House, archive: Path) -> str:
    """Let ada make a public workstation and import the archive."""
    async with Caller(house, house.people["ada"]) as ada:
        workstation = await ada.workstation(TITLE)
        image = await ada.bring(workstation, await ada.upload(archive), initialPath="desk/")
        assert image["state"] == "READY", image
        return workstation


@pytest.fixture
def postgres_house(docker_host: str, postgres: Postgres, postgres_template: str, data_dir: Path) -> Iterator[House]:
    """Another whole Carrel, over PostgreSQL."""
    url = asyncio.run(postgres.create(data_dir.name.replace("-", "_"), postgres_template))
    with (
        needed("Redis"),
        redis_server() as redis_url,
        open_house(data_dir, database_url=url, redis_url=redis_url, docker_host=docker_host) as house,
    ):
        yield house


@pytest.fixture
async def ada(house: House) -> AsyncIterator[Caller]:
    """A builder, who has brought the workstation."""
    async with Caller(house, house.people["ada"]) as caller:
        yield caller


@pytest.fixture
async def eve(house: House) -> AsyncIterator[Caller]:
    """A researcher, who may launch what is public."""
    async with Caller(house, house.people["eve"]) as caller:
        yield caller


@pytest.fixture
async def rows(house: House) -> AsyncIterator[None]:
    """The house's tables, for what no client can do: let time pass."""
    forget_statements()
    await databases.connect(house.settings)
    yield
    await databases.disconnect()
