"""Pages of the child rows of many parents, read with two statements: first the ids, then the rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pypika_tortoise.analytics import RowNumber
from pypika_tortoise.enums import Order
from tortoise.models import Model
from tortoise.queryset import QuerySet

from resolvers.paging.keyset import Page, Sort, Window, between_cursors, is_nullable, to_page, total_order
from resolvers.paging.sql import run_wrapped

M = TypeVar("M", bound=Model)
NUMBERED = 'SELECT "id", "of" FROM ({rows}) AS "numbered" WHERE "number" <= %d ORDER BY "of", "number"'


async def read_pages(
    rows: QuerySet[M], of: str, keys: Sequence[int], order: Sequence[Sort], window: Window
) -> list[Page[M]]:
    """Return for each key the page of the rows with this key in column `of`, as `keyset.page` returns it."""
    complete_order = total_order(order)
    in_keys: dict[str, Any] = {f"{of}__in": list(keys)}
    table = rows.model._meta.basetable
    number = RowNumber().over(table[of])
    for term, direction in _terms(rows.model, complete_order, backwards=window.backwards):
        number = number.orderby(term, order=direction)
    chosen = between_cursors(rows, complete_order, window).filter(**in_keys)
    numbered = await run_wrapped(chosen, NUMBERED % (window.size + 1), table[of].as_("of"), number.as_("number"))
    by_id = {row.pk: row for row in await rows.filter(id__in=[each["id"] for each in numbered])} if numbered else {}
    by_parent: defaultdict[int, list[M]] = defaultdict(list)
    for each in numbered:
        if each["id"] in by_id:  # Otherwise it was deleted between the two statements.
            by_parent[each["of"]].append(by_id[each["id"]])
    return [to_page(by_parent[key], complete_order, window) for key in keys]


def _terms(model: type[Model], order: Sequence[Sort], *, backwards: bool) -> Iterator[tuple[Any, Order]]:
    # PostgreSQL and SQLite order nulls differently, so the order is explicit.
    table = model._meta.basetable
    for sort in order:
        direction = Order.desc if sort.descending is not backwards else Order.asc
        column = table[model._meta.fields_db_projection[sort.column]]
        if is_nullable(model, sort.column):
            yield column.isnull(), direction
        yield column, direction
