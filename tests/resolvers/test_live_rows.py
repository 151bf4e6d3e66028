"""The present state of one thing is read once for all who follow it, and shown to each by its own rights."""

import asyncio

import pytest

from core.settings import Settings
from models.policies.row_access import Reach
from models.policies.sessions import images, sessions, workstations
from resolvers.live_rows import Present
from tests.people import Cast, assemble
from tests.statements import counting

NAMES = ["operator", "owner", "editor", "guest", "member", "admin", "stranger", "desk"]


@pytest.fixture
async def cast(database: Settings) -> Cast:
    """Everybody and what they have."""
    return await assemble(database)


async def test_each_sees_what_its_policy_shows(cast: Cast) -> None:
    rows = [
        (sessions.SESSIONS, sessions.readable, cast.session.id),
        (images.IMAGES, images.readable, cast.older.id),
        (images.IMAGES, images.readable, cast.image.id),
        (workstations.WORKSTATIONS, workstations.readable, cast.workstation.id),
    ]
    everybody = [await cast.principal(name) for name in NAMES]
    present = Present()
    for reach, readable, key in rows:
        seen = await asyncio.gather(*(present.row(reach, each, key) for each in everybody))

        assert [row is not None for row in seen] == [await readable(each).filter(id=key).exists() for each in everybody]
        assert len({id(row) for row in seen if row is not None}) == 1


async def test_a_session_is_one_statement_for_a_thousand_followers(cast: Cast) -> None:
    principals = [await cast.principal(name) for name in ("operator", "guest", "stranger", "owner")]
    present = Present()
    with counting() as counter:
        seen = await asyncio.gather(
            *(present.row(sessions.SESSIONS, principals[n % 4], cast.session.id) for n in range(1000))
        )

    assert len(counter.statements) == 1
    assert sum(row is not None for row in seen) == 500


@pytest.mark.parametrize(("reach", "most"), [(images.IMAGES, 5), (workstations.WORKSTATIONS, 5)])
async def test_where_only_the_database_knows_each_caller_is_one_statement(
    cast: Cast, reach: Reach[object], most: int
) -> None:
    key = {images.IMAGES: cast.older.id, workstations.WORKSTATIONS: cast.workstation.id}[reach]
    principals = [await cast.principal(name) for name in ("operator", "guest", "stranger", "owner")]
    present = Present()
    with counting() as counter:
        await asyncio.gather(*(present.row(reach, principals[n % 4], key) for n in range(100)))

    assert len(counter.statements) <= most


async def test_what_is_gone_is_seen_by_nobody(cast: Cast) -> None:
    assert await Present().row(sessions.SESSIONS, await cast.principal("operator"), 999_999) is None


async def test_the_same_reading_is_shared_within_a_moment_and_not_beyond(cast: Cast) -> None:
    present, calls = Present(), []

    async def read() -> list[int]:
        calls.append(1)
        return [len(calls)]

    one, two = await asyncio.gather(present.once("k", read), present.once("k", read))
    assert one is two
    assert await present.once("k", read) == [2]
