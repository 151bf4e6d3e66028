"""Keyset paging over a queryset: a stable order, both directions, one statement for a page."""

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
DEFAULT_SIZE = 20
MOST = 100
KEY = "id"


@dataclass(frozen=True)
class Sort:
    """One column of an order. Rows without a value come last, in a descending order first."""

    column: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True)
class Window:
    """Which part of a list is wanted: `first` after a cursor, or `last` before one; 20 rows if neither says."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise BadInput("Give first or last, not both.", path=("last",))
        for name, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= MOST:
                raise BadInput(f"{name} is between 0 and {MOST}; you sent {size}.", path=(name,))

    @property
    def backwards(self) -> bool:
        """Whether the page is taken from the end."""
        return self.last is not None

    @property
    def size(self) -> int:
        """How many rows are wanted at most."""
        return next((size for size in (self.first, self.last) if size is not None), DEFAULT_SIZE)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows in their order, and whether there are more on either side."""

    rows: list[M]
    has_next: bool
    has_previous: bool
    order: tuple[Sort, ...]

    def cursor(self, row: M) -> str:
        """Return the opaque cursor of one of the rows."""
        values = [getattr(row, sort.column) for sort in self.order]
        return urlsafe_b64encode(orjson.dumps([_signature(self.order), values])).rstrip(b"=").decode()


async def page(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> Page[M]:
    """Read the part of `rows` that `window` asks for, in `order` with the primary key as the last word.

    A cursor that is unreadable, or of another order, is BAD_USER_INPUT.
    """
    whole = total(order)
    found = await _ordered(within(rows, whole, window), whole, backwards=window.backwards).limit(window.size + 1)
    return cut(found, whole, window)


def within(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> QuerySet[M]:
    """Return the rows between the window's cursors in a total order."""
    rows = _bounded(rows, order, "after", window.after, forwards=True)
    return _bounded(rows, order, "before", window.before, forwards=False)


def cut(found: list[M], order: tuple[Sort, ...], window: Window) -> Page[M]:
    """Return the page of rows that were read in the window's direction, one more than it holds if there are more."""
    more, found = len(found) > window.size, found[: window.size]
    if window.backwards:
        return Page(found[::-1], has_next=window.before is not None, has_previous=more, order=order)
    return Page(found, has_next=more or window.before is not None, has_previous=window.after is not None, order=order)


def total(order: Sequence[Sort]) -> tuple[Sort, ...]:
    """Return the order with the primary key as its last word."""
    if any(sort.column == KEY for sort in order):
        return tuple(order)
    return (*order, Sort(KEY, descending=bool(order) and order[-1].descending))


def _signature(order: Sequence[Sort]) -> str:
    return ",".join(map(str, order))


def _ordered(rows: QuerySet[M], order: Sequence[Sort], *, backwards: bool) -> QuerySet[M]:
    keys: list[str] = []
    for sort in order:
        down = "-" if sort.descending is not backwards else ""
        if nullable(rows.model, sort.column):
            # PostgreSQL and SQLite disagree on where nulls come, so the order says it.
            absent = f"_no_{sort.column}"
            rows = rows.annotate(**{absent: _absence(sort.column)})
            keys.append(f"{down}{absent}")
        keys.append(f"{down}{sort.column}")
    return rows.order_by(*keys)


def _bounded(rows: QuerySet[M], order: Sequence[Sort], name: str, cursor: str | None, *, forwards: bool) -> QuerySet[M]:
    if cursor is None:
        return rows
    values = _values(rows.model, order, name, cursor)
    return rows.filter(_beyond(rows.model, order, values, forwards=forwards))


def _values(model: type[Model], order: Sequence[Sort], name: str, cursor: str) -> list[Any]:
    try:
        signature, values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if signature == _signature(order):
            fields = [model._meta.fields_map[sort.column] for sort in order]
            return [field.to_python_value(value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, KeyError, BaseORMException):
        pass
    raise BadInput("This cursor is not one of this list in this order; take one from pageInfo or edges.", path=(name,))


def _beyond(model: type[Model], order: Sequence[Sort], values: Sequence[Any], *, forwards: bool) -> Q:
    """Return the condition on rows that come after `values` in `order`, or before them."""
    alternatives: list[Q] = []
    equal: list[Q] = []
    for sort, value in zip(order, values, strict=True):
        further = _further(sort.column, value, up=sort.descending is not forwards, null=nullable(model, sort.column))
        if further is not None:
            alternatives.append(Q(*equal, further))
        equal.append(_is(sort.column, value))
    return Q(*alternatives, join_type=Q.OR)


def _further(column: str, value: Any, *, up: bool, null: bool) -> Q | None:
    if value is None:
        return None if up else _test(column, "isnull", False)
    if not up:
        return _test(column, "lt", value)
    greater = _test(column, "gt", value)
    return Q(greater, _test(column, "isnull", True), join_type=Q.OR) if null else greater


def _is(column: str, value: Any) -> Q:
    return _test(column, "isnull", True) if value is None else _test(column, "in", [value])


def _test(column: str, operator: str, value: Any) -> Q:
    condition: dict[str, Any] = {f"{column}__{operator}": value}
    return Q(**condition)


def _absence(column: str) -> Case:
    # Written out, since PostgreSQL cannot tell the type of a parameter there.
    one: Any = RawSQL("1")
    zero: Any = RawSQL("0")
    return Case(When(_test(column, "isnull", True), then=one), default=zero)


def nullable(model: type[Model], column: str) -> bool:
    """Say whether rows may lack a value in the column."""
    return bool(model._meta.fields_map[column].null)
