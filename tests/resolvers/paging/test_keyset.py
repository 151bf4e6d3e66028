"""Keyset paging over real rows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tortoise import fields
from tortoise.contrib.test import tortoise_test_context
from tortoise.models import Model

from core.errors import BadInput
from resolvers.paging.keyset import Page, Sort, Window, page

START = datetime(2026, 1, 1, tzinfo=UTC)


class Entry(Model):
    """A row with ties and nulls in its sort columns."""

    id = fields.IntField(primary_key=True)
    rank = fields.IntField()
    at = fields.DatetimeField(null=True)

    class Meta:
        table = "paging_entry"


@pytest.fixture(autouse=True)
async def rows() -> AsyncIterator[None]:
    async with tortoise_test_context([__name__]):
        for number in range(1, 26):
            at = None if number % 5 == 0 else START + timedelta(microseconds=number % 7)
            await Entry.create(id=number, rank=number % 4, at=at)
        yield


ORDERS = [
    [],
    [Sort("id", descending=True)],
    [Sort("rank")],
    [Sort("rank", descending=True), Sort("at")],
    [Sort("at")],
    [Sort("at", descending=True)],
]


def _expected(order: list[Sort]) -> list[int]:
    ids = [(number, number % 4, None if number % 5 == 0 else number % 7) for number in range(1, 26)]
    last = order[-1].descending if order else False
    ids.sort(key=lambda row: row[0], reverse=last)
    for sort in reversed(order):
        column = {"id": 0, "rank": 1, "at": 2}[sort.column]
        ids.sort(key=lambda row: (row[column] is None, row[column] or 0), reverse=sort.descending)
    return [row[0] for row in ids]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
async def test_forward_paging_returns_every_row_once(order: list[Sort]) -> None:
    ids: list[int] = []
    cursor, more = None, True
    while more:
        found = await page(Entry.all(), order, Window(first=4, after=cursor))
        ids += [row.id for row in found.rows]
        assert found.has_previous is (cursor is not None)
        more, cursor = found.has_next, found.cursor(found.rows[-1])

    assert ids == _expected(order)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: ",".join(map(str, order)) or "none")
async def test_backward_paging_returns_every_row_once(order: list[Sort]) -> None:
    ids: list[int] = []
    cursor, more = None, True
    while more:
        found = await page(Entry.all(), order, Window(last=4, before=cursor))
        ids = [row.id for row in found.rows] + ids
        assert found.has_next is (cursor is not None)
        more, cursor = found.has_previous, found.cursor(found.rows[0])

    assert ids == _expected(order)


async def test_page_between_two_cursors() -> None:
    whole: Page[Entry] = await page(Entry.all(), [], Window(first=100))
    after, before = whole.cursor(whole.rows[1]), whole.cursor(whole.rows[6])

    found = await page(Entry.all(), [], Window(first=10, after=after, before=before))

    assert [row.id for row in found.rows] == [3, 4, 5, 6]
    assert found.has_previous
    assert found.has_next


async def test_deleted_rows_do_not_shift_pages() -> None:
    first = await page(Entry.all(), [Sort("id")], Window(first=5))
    await Entry.filter(id__in=[1, 2, 3, 4, 5]).delete()

    second = await page(Entry.all(), [Sort("id")], Window(first=5, after=first.cursor(first.rows[-1])))

    assert [row.id for row in second.rows] == [6, 7, 8, 9, 10]


async def test_default_page_size_and_zero() -> None:
    assert len((await page(Entry.all(), [], Window())).rows) == 20
    nothing = await page(Entry.all(), [], Window(first=0))
    assert (nothing.rows, nothing.has_next) == ([], True)


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "§", "eyJhIjoxfQ", "W1siaWQiXSxbMV1d", "bnVsbA", "WyJpZCIsWyJ4Il1d"]
)
async def test_unreadable_cursor_is_bad_input(cursor: str) -> None:
    with pytest.raises(BadInput) as caught:
        await page(Entry.all(), [], Window(after=cursor))

    assert caught.value.path == ("after",)


async def test_cursor_of_another_order_is_bad_input() -> None:
    found = await page(Entry.all(), [Sort("rank")], Window(first=1))

    with pytest.raises(BadInput):
        await page(Entry.all(), [Sort("at")], Window(before=found.cursor(found.rows[0])))


@pytest.mark.parametrize("window", [{"first": 1, "last": 1}, {"first": 101}, {"last": -1}])
def test_invalid_window_is_bad_input(window: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Window(**window)
