"""A SQLite transaction that could not begin releases the connection."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tortoise.connection import get_connection

from core.database import connection as databases
from core.database.connection import transaction
from core.settings import load
from models.accounts.organizations import Organization
from models.tables import TABLES
from tests.services.databases import copy_sqlite
from tests.waiting import eventually


@pytest.fixture
async def writer(sqlite_template: Path, data_dir: Path) -> AsyncIterator[sqlite3.Connection]:
    """Another process in the middle of a write, while this one is connected to the same file."""
    url = copy_sqlite(sqlite_template, data_dir)
    await databases.connect(load(data_dir=data_dir, database_url=url), TABLES)
    await Organization.all().count()
    other = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()
    await databases.disconnect()


async def found() -> None:
    async with transaction():
        await Organization.create(name="lab", slug="lab")


async def test_cancelled_wait_for_write_lock_releases_connection(writer: sqlite3.Connection) -> None:
    waiting = asyncio.create_task(found())
    await eventually(get_connection("default")._lock.locked)  # type: ignore[attr-defined]
    waiting.cancel()
    writer.rollback()
    await asyncio.wait([waiting])

    async with asyncio.timeout(5):
        await found()

    assert waiting.cancelled()
    assert await Organization.all().count() == 1
    assert writer.execute("SELECT count(*) FROM organization").fetchone() == (1,)


async def test_timed_out_wait_for_write_lock_releases_connection(writer: sqlite3.Connection) -> None:
    await get_connection("default").execute_query("PRAGMA busy_timeout = 10")
    with pytest.raises(Exception, match="locked"):
        await found()
    writer.rollback()

    async with asyncio.timeout(5):
        await found()

    assert await Organization.all().count() == 1
