"""Fields that are plain attributes with scalar or enum values, which the executor reads without ceremony."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import GraphQLField, GraphQLLeafType, get_nullable_type, is_leaf_type, is_non_null_type

from schema.core.permissions import definition_of

LANE = "lane"
"""The key in a field's metadata under which it offers a reader of its own: a function of the type's name."""


@dataclass(frozen=True, slots=True)
class Lane:
    """How the value of such a field is read from its row."""

    read: Callable[[Any], Any]
    leaf: GraphQLLeafType
    required: bool


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
