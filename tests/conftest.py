"""Fixtures of all tests: separate settings, fresh databases, a real Redis, engine and browser."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Browser, async_playwright
from redis.asyncio import Redis

from core.database import connection as databases
from core.database.connection import clear_statement_cache
from core.engine.protocol import EngineUnavailable
from core.redis.client import close_redis, open_redis
from core.settings import Settings, load, variable
from models.tables import TABLES
from tests import docker_service, tiers
from tests.services import chromium
from tests.services.databases import copy_sqlite, migrated_postgres, migrated_sqlite
from tests.services.missing import MissingService, is_ci, required_service
from tests.services.postgres import Postgres, postgres_server
from tests.services.redis import redis_server

GUARD = tiers.UnitGuard()


def pytest_configure() -> None:
    """Clear the settings of the environment, except that of the engine."""
    for field in Settings.model_fields:
        if field != "docker_host":
            os.environ.pop(variable(field), None)


@pytest.hookimpl(tryfirst=True)
@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook as well.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each item with its tier, before `-m` selects by it, and with the worker that it shares."""
    tiers.mark(items, is_distributed=hasattr(config, "workerinput"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Fail a unit test that starts a process or uses a socket."""
    with GUARD.watch(tiers.tier(item)):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of skipped tests and the reasons in the last lines."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"not run: {count} tests, {reason}", yellow=True, bold=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run under CI=true if any test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if is_ci() and reporter and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """The address of the real Redis of this test process."""
    with required_service("Redis"), redis_server() as address:
        yield address


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The real PostgreSQL of this test process."""
    with required_service("PostgreSQL"), postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    return migrated_postgres(postgres, tmp_path_factory.mktemp("postgres"))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A separate data folder, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="carrel-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[str]:
    """The address of a fresh migrated database; the test runs once on each kind."""
    if request.param == "sqlite":
        yield copy_sqlite(request.getfixturevalue("sqlite_template"), data_dir)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex[:12]}"
    yield asyncio.run(postgres.create(name, request.getfixturevalue("postgres_template")))
    asyncio.run(postgres.drop(name))


@pytest.fixture
def settings(request: pytest.FixtureRequest, data_dir: Path) -> Settings:
    """Separate settings, with the database, Redis and engine whose fixtures the test requests."""

    def requested(fixture: str) -> str | None:
        return str(request.getfixturevalue(fixture)) if fixture in request.fixturenames else None

    return load(
        data_dir=data_dir,
        database_url=requested("database_url"),
        redis_url=requested("redis_address"),
        docker_host=requested("docker_host"),
    )


@pytest.fixture
async def database(settings: Settings, database_url: str) -> AsyncIterator[Settings]:
    """An open connection to a fresh migrated database; the test runs once on each kind."""
    assert settings.database_url == database_url
    clear_statement_cache()
    await databases.connect(settings, TABLES)
    yield settings
    await databases.disconnect()


@pytest.fixture
async def redis(redis_address: str) -> AsyncIterator[Redis]:
    """A client of the real Redis, which is empty."""
    client = open_redis(redis_address)
    await client.flushall()
    yield client
    await close_redis(client)


@pytest.fixture(scope="session")
def docker_host() -> str:
    """The address of a real container engine."""
    with required_service("container engine"):
        try:
            return docker_service.docker_host()
        except EngineUnavailable as error:
            raise MissingService(str(error)) from error


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real browser."""
    with required_service("browser"):
        path = chromium.executable()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield browser
        await browser.close()
