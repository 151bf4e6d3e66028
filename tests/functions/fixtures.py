"""Fixtures of function tests."""

import asyncio
import platform
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from core.database.connection import clear_statement_cache
from scripts.function_package import ARCHIVES, Built, Target, build
from tests.functions.environment import SECRET, FunctionEnvironment, open_function_environment
from tests.services.aws import KEYS, Aws, aws_server
from tests.services.local_lambda import runtime_folder
from tests.services.missing import required_service
from tests.services.postgres import Postgres
from tests.services.redis import redis_on_a_port

HERE = Target("{}.{}".format(*sys.version_info[:2]), "arm64" if platform.machine() == "aarch64" else "x86_64")


@pytest.fixture(scope="session")
def network_redis() -> Iterator[str]:
    """Address of a Redis on a network port."""
    with required_service("Redis"), redis_on_a_port() as address:
        yield address


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """A local AWS (moto)."""
    with aws_server() as server:
        yield server


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for the local AWS."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """Address of a fresh migrated PostgreSQL database; functions use no other."""
    name = f"test_{uuid4().hex[:12]}"
    yield asyncio.run(postgres.create(name, postgres_template))
    asyncio.run(postgres.drop(name))


@pytest.fixture
def changes() -> dict[str, object]:
    """Settings that a test changes."""
    return {"function_secret": SECRET}


@pytest.fixture
async def function_env(
    data_dir: Path, postgres_url: str, network_redis: str, changes: dict[str, object]
) -> AsyncIterator[FunctionEnvironment]:
    """An environment in which functions run the jobs."""
    clear_statement_cache()
    async with open_function_environment(data_dir, postgres_url, network_redis, **changes) as opened:
        yield opened


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """The archives of the functions, by name, built for this machine."""
    out = tmp_path_factory.mktemp("archives")
    return {archive.name: one for archive, one in zip(ARCHIVES, build(HERE, out), strict=True)}


@pytest.fixture(scope="session")
def unpacked(built: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The archives, unpacked as Lambda does it."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, archive in built.items():
        zipfile.ZipFile(archive.path).extractall(folder / name)
    return {name: folder / name for name in built}


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime client that Lambda adds to an archive."""
    return runtime_folder(tmp_path_factory.mktemp("runtime"))
