"""Fixtures of the end-to-end tests: a complete installation with users and a ready workstation."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.database import connection as databases
from core.database.connection import clear_statement_cache
from models.tables import TABLES
from tests import docker_service
from tests.e2e.caller import ApiClient
from tests.e2e.installation import Installation, open_installation
from tests.services.databases import copy_sqlite
from tests.services.missing import required_service
from tests.services.postgres import Postgres
from tests.services.redis import redis_server

TITLE = "Desk"


@pytest.fixture(scope="package")
def own_redis() -> Iterator[str]:
    """A separate Redis, so that these workers do not take the jobs of other tests."""
    with required_service("Redis"), redis_server() as address:
        yield address


@pytest.fixture(scope="package")
def archive(docker_host: str) -> Path:
    """The archive of the example workstation, as `docker save | gzip` writes it."""
    return docker_service.workstation_archive()


@pytest.fixture(scope="package")
def installation(own_redis: str, docker_host: str, archive: Path, sqlite_template: Path) -> Iterator[Installation]:
    """An installation over SQLite with a public workstation of ada's."""
    with tempfile.TemporaryDirectory(prefix="carrel-e2e-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        url = copy_sqlite(sqlite_template, folder)
        with open_installation(folder, database_url=url, redis_url=own_redis, docker_host=docker_host) as installation:
            yield installation


@pytest.fixture(scope="package")
def workstation(installation: Installation, archive: Path) -> str:
    """The id of ada's public workstation, with a ready image."""
    return asyncio.run(create_workstation(installation, archive))


async def create_workstation(installation: Installation, archive: Path) -> str:
    """Create a public workstation of ada's and import the archive."""
    async with ApiClient(installation, installation.people["ada"]) as ada:
        workstation = await ada.workstation(TITLE)
        image = await ada.import_image(workstation, await ada.upload(archive), initialPath="app/")
        assert image["state"] == "READY", image
        return workstation


@pytest.fixture
def postgres_installation(
    docker_host: str, postgres: Postgres, postgres_template: str, data_dir: Path
) -> Iterator[Installation]:
    """An installation over PostgreSQL."""
    url = asyncio.run(postgres.create(data_dir.name.replace("-", "_"), postgres_template))
    with (
        required_service("Redis"),
        redis_server() as redis_url,
        open_installation(data_dir, database_url=url, redis_url=redis_url, docker_host=docker_host) as installation,
    ):
        yield installation


@pytest.fixture
async def ada(installation: Installation) -> AsyncIterator[ApiClient]:
    """A builder, the owner of the workstation."""
    async with ApiClient(installation, installation.people["ada"]) as caller:
        yield caller


@pytest.fixture
async def eve(installation: Installation) -> AsyncIterator[ApiClient]:
    """A researcher, who can launch public workstations."""
    async with ApiClient(installation, installation.people["eve"]) as caller:
        yield caller


@pytest.fixture
async def rows(installation: Installation) -> AsyncIterator[None]:
    """The tables of the installation, for changes that no client can make, such as the passing of time."""
    clear_statement_cache()
    await databases.connect(installation.settings, TABLES)
    yield
    await databases.disconnect()
