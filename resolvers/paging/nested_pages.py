"""Pages of the rows of many parents, all read by two statements: which rows are on them, and the rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pypika_tortoise.analytics import RowNumber
from pypika_tortoise.enums import Order
from tortoise.models import Model
from tortoise.queryset import QuerySet

from resolvers.paging.keyset import Page, Sort, Window, cut, nullable, total, within
from resolvers.paging.sql import around

M = TypeVar("M", bound=Model)
PLACED = 'SELECT "id", "of" FROM ({rows}) AS "placed" WHERE "place" <= %d ORDER BY "of", "place"'


async def pages(
    rows: QuerySet[M], of: str, keys: Sequence[int], order: Sequence[Sort], window: Window
) -> list[Page[M]]:
    """Return for each key the page of those rows whose column `of` has it, as `paging.page` would read it alone."""
    whole = total(order)
    among: dict[str, Any] = {f"{of}__in": list(keys)}
    table = rows.model._meta.basetable
    place = RowNumber().over(table[of])
    for term, direction in _terms(rows.model, whole, backwards=window.backwards):
        place = place.orderby(term, order=direction)
    chosen = within(rows, whole, window).filter(**among)
    found = await around(chosen, PLACED % (window.size + 1), table[of].as_("of"), place.as_("place"))
    held = {row.pk: row for row in await rows.filter(id__in=[each["id"] for each in found])} if found else {}
    listed: defaultdict[int, list[M]] = defaultdict(list)
    for each in found:
        if each["id"] in held:  # Else it went between the two statements.
            listed[each["of"]].append(held[each["id"]])
    return [cut(listed[key], whole, window) for key in keys]


def _terms(model: type[Model], order: Sequence[Sort], *, backwards: bool) -> Iterator[tuple[Any, Order]]:
    """Yield what rows are numbered by; PostgreSQL and SQLite disagree on where nulls come, so the order says it."""
    table = model._meta.basetable
    for sort in order:
        direction = Order.desc if sort.descending is not backwards else Order.asc
        column = table[model._meta.fields_db_projection[sort.column]]
        if nullable(model, sort.column):
            yield column.isnull(), direction
        yield column, direction
