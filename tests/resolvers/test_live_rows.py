"""Subscribers share the reads of current rows, each with its own permissions."""

import asyncio

import pytest

from core.settings import Settings
from models.policies.row_access import RowAccess
from models.policies.sessions import images, sessions, workstations
from resolvers.live_rows import LiveRowReader
from tests.people import People, create_people
from tests.statements import counting

NAMES = ["operator", "owner", "editor", "guest", "member", "admin", "stranger", "container"]


@pytest.fixture
async def people(database: Settings) -> People:
    """All test users and their objects."""
    return await create_people(database)


async def test_each_principal_gets_its_readable_rows(people: People) -> None:
    rows = [
        (sessions.SESSIONS, sessions.readable, people.session.id),
        (images.IMAGES, images.readable, people.older.id),
        (images.IMAGES, images.readable, people.image.id),
        (workstations.WORKSTATIONS, workstations.readable, people.workstation.id),
    ]
    principals = [await people.principal(name) for name in NAMES]
    live_rows = LiveRowReader()
    for access, readable, key in rows:
        visible = await asyncio.gather(*(live_rows.row(access, each, key) for each in principals))

        assert [row is not None for row in visible] == [
            await readable(each).filter(id=key).exists() for each in principals
        ]
        assert len({id(row) for row in visible if row is not None}) == 1


async def test_thousand_subscribers_share_one_statement(people: People) -> None:
    principals = [await people.principal(name) for name in ("operator", "guest", "stranger", "owner")]
    live_rows = LiveRowReader()
    with counting() as counter:
        visible = await asyncio.gather(
            *(live_rows.row(sessions.SESSIONS, principals[n % 4], people.session.id) for n in range(1000))
        )

    assert len(counter.statements) == 1
    assert sum(row is not None for row in visible) == 500


@pytest.mark.parametrize(("access", "limit"), [(images.IMAGES, 5), (workstations.WORKSTATIONS, 5)])
async def test_visibility_takes_one_statement_per_principal(
    people: People, access: RowAccess[object], limit: int
) -> None:
    key = {images.IMAGES: people.older.id, workstations.WORKSTATIONS: people.workstation.id}[access]
    principals = [await people.principal(name) for name in ("operator", "guest", "stranger", "owner")]
    live_rows = LiveRowReader()
    with counting() as counter:
        await asyncio.gather(*(live_rows.row(access, principals[n % 4], key) for n in range(100)))

    assert len(counter.statements) <= limit


async def test_missing_row_is_none(people: People) -> None:
    assert await LiveRowReader().row(sessions.SESSIONS, await people.principal("operator"), 999_999) is None


async def test_concurrent_reads_are_shared_and_not_cached(people: People) -> None:
    live_rows, calls = LiveRowReader(), []

    async def read() -> list[int]:
        calls.append(1)
        return [len(calls)]

    one, two = await asyncio.gather(live_rows.read_once("k", read), live_rows.read_once("k", read))
    assert one is two
    assert await live_rows.read_once("k", read) == [2]
