"""Nested pages of many parents equal the pages of each parent, with two statements in total."""

from datetime import timedelta

import pytest

from core.clock import now
from core.settings import Settings
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation
from resolvers.paging.counts import count_each, count_up_to
from resolvers.paging.keyset import Sort, Window, page
from resolvers.paging.nested_pages import read_pages
from tests.statements import counting

ORDERS = [
    [],
    [Sort("id", descending=True)],
    [Sort("state"), Sort("http_port", descending=True)],
    [Sort("ready_at")],
    [Sort("ready_at", descending=True), Sort("state")],
]
WINDOWS = [
    Window(),
    Window(first=0),
    Window(first=3),
    Window(last=3),
    Window(last=100),
]


@pytest.fixture
async def parents(database: Settings) -> list[int]:
    """Four workstations with none to nine images, with ties and nulls in the sort columns."""
    workstations = [await Workstation.create(title=f"W{number}", slug=f"w{number}") for number in range(4)]
    for number in range(30):
        await Image.create(
            workstation=workstations[1 + number % 5 % 3],
            state=list(ImageState)[number % 3],
            http_port=8000 + number % 2,
            ready_at=None if number % 4 == 0 else now() + timedelta(hours=number % 3),
        )
    return [each.id for each in workstations]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
@pytest.mark.parametrize("window", WINDOWS, ids=str)
async def test_nested_pages_equal_single_pages(parents: list[int], order: list[Sort], window: Window) -> None:
    nested = await read_pages(Image.all(), "workstation_id", parents, order, window)

    for key, found in zip(parents, nested, strict=True):
        single = await page(Image.filter(workstation_id=key), order, window)
        assert [row.id for row in found.rows] == [row.id for row in single.rows]
        assert (found.has_next, found.has_previous, found.order) == (single.has_next, single.has_previous, single.order)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
async def test_cursors_apply_to_each_parent(parents: list[int], order: list[Sort]) -> None:
    first = await page(Image.filter(workstation_id=parents[1]), order, Window(first=2))
    cursor = first.cursor(first.rows[1])
    for window in (Window(first=2, after=cursor), Window(last=2, before=cursor)):
        nested = await read_pages(Image.all(), "workstation_id", parents, order, window)

        for key, found in zip(parents, nested, strict=True):
            single = await page(Image.filter(workstation_id=key), order, window)
            assert [row.id for row in found.rows] == [row.id for row in single.rows]


async def test_pages_take_two_statements_and_counts_one(parents: list[int]) -> None:
    rows = Image.filter(state__in=[ImageState.QUEUED, ImageState.IMPORTING])
    with counting() as counter:
        await read_pages(rows, "workstation_id", parents, [], Window(first=2))
        counts = await count_each(rows, "workstation_id", parents)

    assert len(counter.statements) == 3
    assert counts == [await rows.filter(workstation_id=key).count() for key in parents]


async def test_count_stops_at_the_limit(parents: list[int]) -> None:
    assert await count_up_to(Image.all()) == 30
    assert await count_up_to(Image.filter(state=ImageState.QUEUED)) == 10
    assert await count_up_to(Image.all(), 7) == 7
    assert max(await count_each(Image.all(), "workstation_id", parents, 7)) == 7
