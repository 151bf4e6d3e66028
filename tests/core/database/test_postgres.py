"""Connections return to the pool usable, without a reset statement."""

import asyncio

import pytest
from tortoise.connection import get_connection

from core.database.connection import transaction
from core.settings import Settings
from models.accounts.organizations import Organization
from tests.functions.fixtures import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """PostgreSQL only."""
    return postgres_url


async def test_cancelled_transaction_returns_its_connection(database: Settings) -> None:
    async def half() -> None:
        async with transaction():
            await Organization.create(name="Lab", slug="lab")
            await asyncio.sleep(60)

    for _ in range(8):  # More often than there are connections.
        working = asyncio.create_task(half())
        await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    async with asyncio.timeout(5):
        assert await Organization.all().count() == 0
    _, (row,) = await get_connection("default").execute_query(
        "SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    )
    assert row["open"] == 0
