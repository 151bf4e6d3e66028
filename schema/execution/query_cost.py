"""What an operation may cost, reckoned before it runs from the sizes of the pages it asks for."""

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

from resolvers.paging.keyset import DEFAULT_SIZE, MOST
from schema.graphql.permissions import definition_of

USUAL_LIST = 10
"""How many entries a plain list is taken to have, where `@cost` does not say."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="What the field costs, where it is not 1 point for an object and 0 for a value.",
)
class Cost:
    """Weighs a field: give it in `directives` of `public` or `requires`."""

    weight: int = strawberry.field(description="Points for each time the field is read.", default=1)
    size: int = strawberry.field(description="How many entries a plain list usually has.", default=USUAL_LIST)


@dataclass(frozen=True)
class PageSize:
    """Where a connection field gets its page size from: numbers, or names of variables."""

    given: tuple[int | str, ...]

    def rows(self, variables: Mapping[str, Any]) -> int:
        """Return how many rows are asked for."""
        values = [variables.get(each) if isinstance(each, str) else each for each in self.given]
        sizes = [value for value in values if isinstance(value, int)]
        return max(0, min(max(sizes, default=DEFAULT_SIZE), MOST))


@dataclass(frozen=True)
class Weight:
    """The cost of one field of an operation: of itself, and of what is selected below it."""

    own: int
    entries: int | None
    page: PageSize | None
    below: "Selections"


@dataclass(frozen=True, eq=False)
class Selections:
    """The weights of one selection set or fragment; the same fragment is the same object."""

    weights: Sequence["Weight | Selections"]


class Reckoning:
    """Adds up the cost of an operation with the values of its variables."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        """Reckon with `variables`, as the request gave them."""
        self._variables = variables
        self._known: dict[tuple[int, int | None], int] = {}

    def points(self, selections: Selections, rows: int | None = None) -> int:
        """Return the cost of `selections`; lists right below have `rows` entries, if given."""
        key = (id(selections), rows)
        if key not in self._known:
            self._known[key] = sum(self._weigh(each, rows) for each in selections.weights)
        return self._known[key]

    def _weigh(self, part: Weight | Selections, rows: int | None) -> int:
        if isinstance(part, Selections):
            return self.points(part, rows)
        asked = part.page.rows(self._variables) if part.page else None
        if part.entries is None:
            return part.own + self.points(part.below, asked)
        known = asked if asked is not None else rows
        return (part.entries if known is None else known) * (part.own + self.points(part.below))


def weight(node: FieldNode, field: GraphQLField, below: Selections, *, mutates: bool) -> Weight:
    """Return the weight of one selected field."""
    declared = cost_of(field)
    usual = 10 if mutates else int(is_composite_type(get_named_type(field.type)))
    own = declared.weight if declared else usual
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
