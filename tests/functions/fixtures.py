"""The fixtures of every test of functions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.functions.house import SECRET, FunctionHouse, function_house
from tests.services.aws import KEYS, Aws, aws_server
from tests.services.databases import forget_statements
from tests.services.missing import needed
from tests.services.postgres import Postgres
from tests.services.redis import redis_on_a_port


@pytest.fixture(scope="session")
def network_redis() -> Iterator[str]:
    """Address of a Redis that is reached over the network."""
    with needed("Redis"), redis_on_a_port() as address:
        yield address


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """A cloud on this machine."""
    with aws_server() as server:
        yield server


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that the cloud on this machine takes."""
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
    """What the test sets otherwise than usual."""
    return {"bell_secret": SECRET}


@pytest.fixture
async def house(
    data_dir: Path, postgres_url: str, network_redis: str, changes: dict[str, object]
) -> AsyncIterator[FunctionHouse]:
    """A house whose jobs are done by functions."""
    forget_statements()
    async with function_house(data_dir, postgres_url, network_redis, **changes) as opened:
        yield opened
