"""Calculates the cost of an operation before it runs, from the page sizes it requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    IntValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from strawberry.schema_directive import Location

from resolvers.paging.keyset import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from schema.graphql.permissions import definition_of

DEFAULT_LIST_SIZE = 10
"""The assumed number of entries of a plain list without `@cost(size:)`."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="The cost of the field, if it is not the usual 1 point for an object or 0 for a value.",
)
class Cost:
    """Sets the cost of a field; pass it in `directives` of `public` or `requires`."""

    weight: int = strawberry.field(description="Points for each time the field is read.", default=1)
    size: int = strawberry.field(description="The usual number of entries of a plain list.", default=DEFAULT_LIST_SIZE)


@dataclass(frozen=True)
class PageSize:
    """The page size arguments of a connection field: numbers, or names of variables."""

    given: tuple[int | str, ...]

    def rows(self, variables: Mapping[str, Any]) -> int:
        """Return the number of rows that the field requests."""
        values = [variables.get(each) if isinstance(each, str) else each for each in self.given]
        sizes = [value for value in values if isinstance(value, int)]
        return max(0, min(max(sizes, default=DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE))


@dataclass(frozen=True)
class Weight:
    """The cost of one selected field: its own, and that of the selections below it."""

    own: int
    entries: int | None
    page: PageSize | None
    below: "Selections"


@dataclass(frozen=True, eq=False)
class Selections:
    """The weights of one selection set or fragment; the same fragment is the same object."""

    weights: Sequence["Weight | Selections"]


class CostCalculator:
    """Adds up the cost of an operation with the values of its variables."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        """Calculate with `variables`, as the request gave them."""
        self._variables = variables
        self._points: dict[tuple[int, int | None], int] = {}

    def points(self, selections: Selections, rows: int | None = None) -> int:
        """Return the cost of `selections`; lists directly below have `rows` entries, if given."""
        # By identity: all spreads of a fragment are the same object, so its cost is calculated once.
        key = (id(selections), rows)
        if key not in self._points:
            self._points[key] = sum(self._part_points(each, rows) for each in selections.weights)
        return self._points[key]

    def _part_points(self, part: Weight | Selections, rows: int | None) -> int:
        if isinstance(part, Selections):
            return self.points(part, rows)
        requested = part.page.rows(self._variables) if part.page else None
        if part.entries is None:
            return part.own + self.points(part.below, requested)
        page_rows = requested if requested is not None else rows
        return (part.entries if page_rows is None else page_rows) * (part.own + self.points(part.below))


def weight(node: FieldNode, field: GraphQLField, below: Selections, *, is_mutation: bool) -> Weight:
    """Return the weight of one selected field."""
    declared = cost_of(field)
    default_weight = 10 if is_mutation else int(is_composite_type(get_named_type(field.type)))
    own = declared.weight if declared else default_weight
    entries = (declared or Cost()).size if is_list_type(get_nullable_type(field.type)) else None
    pages = {"first", "last"} & set(field.args)
    return Weight(own, entries, _page(node) if pages else None, below)


def cost_of(field: GraphQLField) -> Cost | None:
    """Return the field's `@cost`, if it has one."""
    definition = definition_of(field)
    return next((each for each in (definition.directives if definition else ()) if isinstance(each, Cost)), None)


def _page(node: FieldNode) -> PageSize:
    given: list[int | str] = []
    for argument in node.arguments or ():
        if argument.name.value in {"first", "last"} and isinstance(argument.value, IntValueNode):
            given.append(int(argument.value.value))
        elif argument.name.value in {"first", "last"} and isinstance(argument.value, VariableNode):
            given.append(argument.value.name.value)
    return PageSize(tuple(given))
