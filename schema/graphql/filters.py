"""Operator inputs for `where` arguments: every operator that is given must hold; null is no condition."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar

import strawberry
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from core.errors import BadInput
from schema.graphql import node

Choice = TypeVar("Choice", bound=StrEnum)
V = TypeVar("V")
W = TypeVar("W", bound="Tree")
DEEPEST = 3
"""How deep AND, OR and NOT nest."""
LONGEST_LIST = 100
"""How many values a `oneOf` or a list of conditions holds at most."""


@strawberry.input(description="Conditions on a text.")
class StringFilter:
    """Conditions on a text column."""

    eq: str | None = strawberry.field(description="Equal to this text.", default=None)
    one_of: list[str] | None = strawberry.field(description="Equal to one of at most 100 texts.", default=None)
    contains: str | None = strawberry.field(description="Contains this text, in upper or lower case.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of) & _compare(column, icontains=self.contains)


@strawberry.input(description="Conditions on a moment.")
class DateTimeFilter:
    """Conditions on a time column."""

    gte: datetime | None = strawberry.field(description="At or after this moment.", default=None)
    lt: datetime | None = strawberry.field(description="Before this moment.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, gte=self.gte, lt=self.lt)


@strawberry.input(description="Conditions on a choice.")
class EnumFilter(Generic[Choice]):
    """Conditions on a column with a closed set of values."""

    eq: Choice | None = strawberry.field(description="Equal to this value.", default=None)
    one_of: list[Choice] | None = strawberry.field(description="Equal to one of these values.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of)


@strawberry.input(description="A condition on a yes or no.")
class BooleanFilter:
    """A condition on a column that is true or false."""

    eq: bool | None = strawberry.field(description="Equal to this value.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, **{"": self.eq})


@strawberry.input(description="Conditions on a related object.")
class IdFilter:
    """Conditions on a foreign key, by global id."""

    eq: strawberry.ID | None = strawberry.field(description="This object.", default=None)
    one_of: list[strawberry.ID] | None = strawberry.field(description="One of at most 100 objects.", default=None)

    def condition(self, column: str, kind: str, visible: QuerySet[Any]) -> Q:
        """Return the condition on `column`, which refers to objects of type `kind`.

        Of those that are not `visible` it finds nothing, lest somebody learn what refers to them.
        """
        one = None if self.eq is None else self._key(column, "eq", kind, self.eq)
        many = None if self.one_of is None else [self._key(column, "oneOf", kind, each) for each in self.one_of]
        if one is None and many is None:
            return Q()
        return _equal(column, one, many) & _compare(column, **{"in": Subquery(visible.values("id"))})

    def _key(self, column: str, operator: str, kind: str, text: str) -> int:
        return node.decode_as(kind, text, path=("where", column, operator))


class Tree(Protocol):
    """A `where` input: its own conditions, and AND, OR, NOT of more of its kind."""

    and_: list[Self] | None
    or_: list[Self] | None
    not_: Self | None


def combined(where: W | None, own: Callable[[W], Q], *, depth: int = 1) -> Q:
    """Return the whole condition of `where`; `own` gives that of one level without its AND, OR and NOT."""
    if where is None:
        return Q()
    if depth > DEEPEST:
        raise BadInput(f"AND, OR and NOT nest at most {DEEPEST} deep.", path=("where",))
    whole = own(where)
    for each in _bounded("AND", where.and_):
        whole &= combined(each, own, depth=depth + 1)
    alternatives = [combined(each, own, depth=depth + 1) for each in _bounded("OR", where.or_)]
    if alternatives:
        whole &= Q(*alternatives, join_type=Q.OR)
    return whole if where.not_ is None else whole & ~combined(where.not_, own, depth=depth + 1)


class Filter(Protocol):
    """An operator input of one column."""

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""


def given(**filters: Filter | None) -> Q:
    """Return the condition of those filters that were given, each under the name of its column."""
    return every(*(each.condition(column) for column, each in filters.items() if each))


def every(*conditions: Q) -> Q:
    """Return the condition that all of `conditions` hold."""
    return Q(*conditions)


def _equal(column: str, one: object | None, many: Sequence[object] | None) -> Q:
    return _compare(column, **{"": one, "in": None if many is None else _bounded("oneOf", many)})


def _compare(column: str, **operators: object | None) -> Q:
    given = {operator: value for operator, value in operators.items() if value is not None}
    conditions: dict[str, Any] = {
        f"{column}__{operator}" if operator else column: given[operator] for operator in given
    }
    # Of a row without a value the comparison is unknown, and so would be its negation under NOT: here it is false.
    return Q(**(conditions | {f"{column}__isnull": False})) if conditions else Q()


def _bounded(operator: str, values: Sequence[V] | None) -> Sequence[V]:
    if values is not None and len(values) > LONGEST_LIST:
        raise BadInput(f"{operator} takes at most {LONGEST_LIST} entries; you sent {len(values)}.", path=("where",))
    return values or ()
