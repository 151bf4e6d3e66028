"""Filter inputs of `where` arguments. All given operators must match; null means no condition."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar

import strawberry
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from core.errors import BadInput
from schema.graphql import node

EnumT = TypeVar("EnumT", bound=StrEnum)
V = TypeVar("V")
W = TypeVar("W", bound="WhereInput")
MAX_DEPTH = 3
"""The maximum nesting depth of AND, OR and NOT."""
MAX_LIST_LENGTH = 100
"""The maximum length of a `oneOf` list or a list of conditions."""


@strawberry.input(description="Conditions on a string.")
class StringFilter:
    """Conditions on a string column."""

    eq: str | None = strawberry.field(description="Equal to this string.", default=None)
    one_of: list[str] | None = strawberry.field(
        description=f"Equal to one of these strings, at most {MAX_LIST_LENGTH}.", default=None
    )
    contains: str | None = strawberry.field(description="Contains this string, ignoring case.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of) & _compare(column, icontains=self.contains)


@strawberry.input(description="Conditions on a time.")
class DateTimeFilter:
    """Conditions on a time column."""

    gte: datetime | None = strawberry.field(description="At or after this time.", default=None)
    lt: datetime | None = strawberry.field(description="Before this time.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, gte=self.gte, lt=self.lt)


@strawberry.input(description="Conditions on an enum value.")
class EnumFilter(Generic[EnumT]):
    """Conditions on an enum column."""

    eq: EnumT | None = strawberry.field(description="Equal to this value.", default=None)
    one_of: list[EnumT] | None = strawberry.field(description="Equal to one of these values.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of)


@strawberry.input(description="A condition on a boolean.")
class BooleanFilter:
    """A condition on a boolean column."""

    eq: bool | None = strawberry.field(description="Equal to this value.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, **{"": self.eq})


@strawberry.input(description="Conditions on a related object.")
class IdFilter:
    """Conditions on a foreign key, by global ID."""

    eq: strawberry.ID | None = strawberry.field(description="This object.", default=None)
    one_of: list[strawberry.ID] | None = strawberry.field(
        description=f"One of these objects, at most {MAX_LIST_LENGTH}.", default=None
    )

    def condition(self, column: str, kind: str, visible: QuerySet[Any]) -> Q:
        """Return the condition on `column`, a foreign key to objects of type `kind`.

        Objects outside `visible` never match, so that a filter does not reveal references to hidden objects.
        """
        one = None if self.eq is None else self._key(column, "eq", kind, self.eq)
        many = None if self.one_of is None else [self._key(column, "oneOf", kind, each) for each in self.one_of]
        if one is None and many is None:
            return Q()
        return _equal(column, one, many) & _compare(column, **{"in": Subquery(visible.values("id"))})

    def _key(self, column: str, operator: str, kind: str, text: str) -> int:
        return node.decode_as(kind, text, path=("where", column, operator))


class WhereInput(Protocol):
    """A `where` input: conditions on columns, and AND, OR and NOT of nested inputs."""

    and_: list[Self] | None
    or_: list[Self] | None
    not_: Self | None


def where_condition(where: W | None, own_condition: Callable[[W], Q], *, depth: int = 1) -> Q:
    """Return the condition of `where`; `own_condition` returns that of one level without AND, OR and NOT."""
    if where is None:
        return Q()
    if depth > MAX_DEPTH:
        raise BadInput(f"AND, OR and NOT can be nested at most {MAX_DEPTH} levels deep.", path=("where",))
    condition = own_condition(where)
    for each in _bounded("AND", where.and_):
        condition &= where_condition(each, own_condition, depth=depth + 1)
    alternatives = [where_condition(each, own_condition, depth=depth + 1) for each in _bounded("OR", where.or_)]
    if alternatives:
        condition &= Q(*alternatives, join_type=Q.OR)
    return condition if where.not_ is None else condition & ~where_condition(where.not_, own_condition, depth=depth + 1)


class Filter(Protocol):
    """A filter on one column."""

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""


def column_conditions(**filters: Filter | None) -> Q:
    """Return the conjunction of the given filters, passed by column name; None is ignored."""
    return all_of(*(each.condition(column) for column, each in filters.items() if each))


def all_of(*conditions: Q) -> Q:
    """Return the conjunction of `conditions`."""
    return Q(*conditions)


def _equal(column: str, one: object | None, many: Sequence[object] | None) -> Q:
    return _compare(column, **{"": one, "in": None if many is None else _bounded("oneOf", many)})


def _compare(column: str, **operators: object | None) -> Q:
    present = {operator: value for operator, value in operators.items() if value is not None}
    conditions: dict[str, Any] = {
        f"{column}__{operator}" if operator else column: present[operator] for operator in present
    }
    # A comparison with NULL is unknown, and so is its negation under NOT. IS NOT NULL makes it false instead.
    return Q(**(conditions | {f"{column}__isnull": False})) if conditions else Q()


def _bounded(operator: str, values: Sequence[V] | None) -> Sequence[V]:
    if values is not None and len(values) > MAX_LIST_LENGTH:
        raise BadInput(f"{operator} takes at most {MAX_LIST_LENGTH} entries; you sent {len(values)}.", path=("where",))
    return values or ()
