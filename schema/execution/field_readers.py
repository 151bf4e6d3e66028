"""The short ways of fields: plain attributes are read without ceremony, relations for many rows at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)

from schema.execution.awaitables import promises
from schema.graphql.permissions import definition_of

LANE = "lane"
"""The key in a field's metadata under which it offers a reader of its own: a function of the type's name."""
MANY = "many"
"""The key in a field's metadata under which it offers its values for many rows at once: a `ReadMany`."""
ReadMany = Callable[[Sequence[Any], Any], Sequence[Any] | Awaitable[Sequence[Any]]]
"""Returns the values of a field for rows, in their order, given the context; one that is an exception is an error."""
AS_IT_IS: dict[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool, GraphQLInt: int}
"""The leaf types whose values are answered as they are when they are of exactly this class."""
WIDEST = 2**31


@dataclass(frozen=True, slots=True)
class Lane:
    """How the value of such a field is read from its row."""

    read: Callable[[Any], Any]
    leaf: GraphQLLeafType
    required: bool

    def column(self, rows: Sequence[Any]) -> list[Any]:
        """Return the answers for all rows; whatever is not simple raises, and is then read row by row."""
        values = list(map(self.read, rows))
        kinds = set(map(type, values))
        plain = AS_IT_IS.get(self.leaf)
        if kinds == {plain} and (plain is not int or (min(values) >= -WIDEST and max(values) < WIDEST)):
            return values
        if any(issubclass(kind, Exception) or promises(kind) for kind in kinds):
            raise LookupError("Some of the values are errors or promises.")
        write = self.leaf.coerce_output_value
        if type(None) not in kinds:
            written = list(map(write, values))
        elif self.required:
            raise LookupError("Some of the values are absent.")
        else:
            written = [None if value is None else write(value) for value in values]
        if written.count(None) != values.count(None):
            raise LookupError("Some of the values cannot be written.")
        return written


def lane_of(kind: str, field: GraphQLField) -> Lane | None:
    """Return the lane of a field of type `kind`; None when it has arguments, a resolver or a value that is no leaf."""
    definition = definition_of(field)
    leaf = get_nullable_type(field.type)
    if definition is None or field.args or definition.extensions or not is_leaf_type(leaf):
        return None
    if LANE in definition.metadata:
        return Lane(definition.metadata[LANE](kind), leaf, is_non_null_type(field.type))
    if not definition.is_basic_field:
        return None
    return Lane(attrgetter(definition.python_name), leaf, is_non_null_type(field.type))


def many_of(field: GraphQLField) -> ReadMany | None:
    """Return how a field without arguments is read for many rows at once; None when that is not known."""
    definition = definition_of(field)
    if definition is None or field.args or definition.extensions:
        return None
    if MANY in definition.metadata:
        read: ReadMany = definition.metadata[MANY]
        return read
    return _attributes(attrgetter(definition.python_name)) if definition.is_basic_field else None


def _attributes(read: Callable[[Any], Any]) -> ReadMany:
    return lambda rows, _context: list(map(read, rows))
