"""Pages of many parents at once are the pages that each parent has alone, in two statements for all of them."""

from datetime import timedelta

import pytest

from core.clock import now
from core.settings import Settings
from models.sessions.images import Image, ImageState
from models.sessions.workstations import Workstation
from resolvers.paging.counts import counted, counted_each
from resolvers.paging.keyset import Sort, Window, page
from resolvers.paging.nested_pages import pages
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
    """Four workstations with none to nine images, with ties and gaps in what they are sorted by."""
    made = [await Workstation.create(title=f"W{number}", slug=f"w{number}") for number in range(4)]
    for number in range(30):
        await Image.create(
            workstation=made[1 + number % 5 % 3],
            state=list(ImageState)[number % 3],
            http_port=8000 + number % 2,
            ready_at=None if number % 4 == 0 else now() + timedelta(hours=number % 3),
        )
    return [each.id for each in made]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
@pytest.mark.parametrize("window", WINDOWS, ids=str)
async def test_each_parent_has_the_page_it_has_alone(parents: list[int], order: list[Sort], window: Window) -> None:
    together = await pages(Image.all(), "workstation_id", parents, order, window)

    for key, found in zip(parents, together, strict=True):
        alone = await page(Image.filter(workstation_id=key), order, window)
        assert [row.id for row in found.rows] == [row.id for row in alone.rows]
        assert (found.has_next, found.has_previous, found.order) == (alone.has_next, alone.has_previous, alone.order)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
async def test_cursors_hold_for_each_parent(parents: list[int], order: list[Sort]) -> None:
    first = await page(Image.filter(workstation_id=parents[1]), order, Window(first=2))
    cursor = first.cursor(first.rows[1])
    for window in (Window(first=2, after=cursor), Window(last=2, before=cursor)):
        together = await pages(Image.all(), "workstation_id", parents, order, window)

        for key, found in zip(parents, together, strict=True):
            alone = await page(Image.filter(workstation_id=key), order, window)
            assert [row.id for row in found.rows] == [row.id for row in alone.rows]


async def test_all_parents_take_two_statements_and_their_counts_one(parents: list[int]) -> None:
    rows = Image.filter(state__in=[ImageState.QUEUED, ImageState.IMPORTING])
    with counting() as counter:
        await pages(rows, "workstation_id", parents, [], Window(first=2))
        counts = await counted_each(rows, "workstation_id", parents)

    assert len(counter.statements) == 3
    assert counts == [await rows.filter(workstation_id=key).count() for key in parents]


async def test_counting_stops_where_nobody_wants_to_know_more(parents: list[int]) -> None:
    assert await counted(Image.all()) == 30
    assert await counted(Image.filter(state=ImageState.QUEUED)) == 10
    assert await counted(Image.all(), 7) == 7
    assert max(await counted_each(Image.all(), "workstation_id", parents, 7)) == 7
