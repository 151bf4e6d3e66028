"""Keyset paging over a queryset, in both directions and with one statement per page. Every list uses it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from tortoise.exceptions import BaseORMException
from tortoise.expressions import Case, Q, RawSQL, When
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import BadInput

M = TypeVar("M", bound=Model)
DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
PRIMARY_KEY = "id"


@dataclass(frozen=True)
class Sort:
    """One column of an order. Nulls come last in ascending order and first in descending order."""

    column: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True)
class Window:
    """The requested part of a list: `first` after a cursor or `last` before one; `DEFAULT_PAGE_SIZE` without either."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise BadInput("Give first or last, not both.", path=("last",))
        for name, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= MAX_PAGE_SIZE:
                raise BadInput(f"{name} must be between 0 and {MAX_PAGE_SIZE}; you sent {size}.", path=(name,))

    @property
    def backwards(self) -> bool:
        """True if the page is counted from the end."""
        return self.last is not None

    @property
    def size(self) -> int:
        """The maximum number of rows."""
        return next((size for size in (self.first, self.last) if size is not None), DEFAULT_PAGE_SIZE)


@dataclass(frozen=True)
class Page(Generic[M]):
    """The rows of a page in order, and whether more rows precede or follow."""

    rows: list[M]
    has_next: bool
    has_previous: bool
    order: tuple[Sort, ...]

    def cursor(self, row: M) -> str:
        """Return the opaque cursor of a row."""
        values = [getattr(row, sort.column) for sort in self.order]
        return urlsafe_b64encode(orjson.dumps([_signature(self.order), values])).rstrip(b"=").decode()


async def page(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> Page[M]:
    """Read the page of `rows` that `window` requests, in `order` and then by primary key.

    BadInput if a cursor is unreadable or belongs to another order.
    """
    complete_order = total_order(order)
    fetched = await _ordered(
        between_cursors(rows, complete_order, window), complete_order, backwards=window.backwards
    ).limit(window.size + 1)
    return to_page(fetched, complete_order, window)


def between_cursors(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> QuerySet[M]:
    """Return the rows between the window's cursors in a total order."""
    rows = _from_cursor(rows, order, "after", window.after, forwards=True)
    return _from_cursor(rows, order, "before", window.before, forwards=False)


def to_page(fetched: list[M], order: tuple[Sort, ...], window: Window) -> Page[M]:
    """Return the page of rows that were read in the window's direction, with one more row if there are more."""
    more, fetched = len(fetched) > window.size, fetched[: window.size]
    if window.backwards:
        return Page(fetched[::-1], has_next=window.before is not None, has_previous=more, order=order)
    return Page(fetched, has_next=more or window.before is not None, has_previous=window.after is not None, order=order)


def total_order(order: Sequence[Sort]) -> tuple[Sort, ...]:
    """Return the order with the primary key as its last column, so that it is total."""
    if any(sort.column == PRIMARY_KEY for sort in order):
        return tuple(order)
    return (*order, Sort(PRIMARY_KEY, descending=bool(order) and order[-1].descending))


def _signature(order: Sequence[Sort]) -> str:
    return ",".join(map(str, order))


def _ordered(rows: QuerySet[M], order: Sequence[Sort], *, backwards: bool) -> QuerySet[M]:
    keys: list[str] = []
    for sort in order:
        sign = "-" if sort.descending is not backwards else ""
        if is_nullable(rows.model, sort.column):
            # PostgreSQL and SQLite order nulls differently, so the order is explicit.
            null_column = f"_no_{sort.column}"
            rows = rows.annotate(**{null_column: _null_rank(sort.column)})
            keys.append(f"{sign}{null_column}")
        keys.append(f"{sign}{sort.column}")
    return rows.order_by(*keys)


def _from_cursor(
    rows: QuerySet[M], order: Sequence[Sort], name: str, cursor: str | None, *, forwards: bool
) -> QuerySet[M]:
    if cursor is None:
        return rows
    values = _cursor_values(rows.model, order, name, cursor)
    return rows.filter(_after(rows.model, order, values, forwards=forwards))


def _cursor_values(model: type[Model], order: Sequence[Sort], name: str, cursor: str) -> list[Any]:
    try:
        signature, values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if signature == _signature(order):
            fields = [model._meta.fields_map[sort.column] for sort in order]
            return [field.to_python_value(value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, KeyError, BaseORMException):
        pass
    raise BadInput("This cursor belongs to another list or order. Use one from pageInfo or edges.", path=(name,))


def _after(model: type[Model], order: Sequence[Sort], values: Sequence[Any], *, forwards: bool) -> Q:
    """Return the condition on rows that come after `values` in `order`, or before them."""
    alternatives: list[Q] = []
    equal: list[Q] = []
    for sort, value in zip(order, values, strict=True):
        column_after = _column_after(
            sort.column, value, up=sort.descending is not forwards, null=is_nullable(model, sort.column)
        )
        if column_after is not None:
            alternatives.append(Q(*equal, column_after))
        equal.append(_equals(sort.column, value))
    return Q(*alternatives, join_type=Q.OR)


def _column_after(column: str, value: Any, *, up: bool, null: bool) -> Q | None:
    if value is None:
        return None if up else _condition(column, "isnull", False)
    if not up:
        return _condition(column, "lt", value)
    greater = _condition(column, "gt", value)
    return Q(greater, _condition(column, "isnull", True), join_type=Q.OR) if null else greater


def _equals(column: str, value: Any) -> Q:
    return _condition(column, "isnull", True) if value is None else _condition(column, "in", [value])


def _condition(column: str, operator: str, value: Any) -> Q:
    condition: dict[str, Any] = {f"{column}__{operator}": value}
    return Q(**condition)


def _null_rank(column: str) -> Case:
    # Literals, because PostgreSQL cannot infer the type of a parameter here.
    one: Any = RawSQL("1")
    zero: Any = RawSQL("0")
    return Case(When(_condition(column, "isnull", True), then=one), default=zero)


def is_nullable(model: type[Model], column: str) -> bool:
    """Return whether the column can be null."""
    return bool(model._meta.fields_map[column].null)
