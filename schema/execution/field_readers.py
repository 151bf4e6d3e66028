"""Fast readers of fields, for the executor: plain attributes of a row, and relations of many rows in one call.

A field with arguments has no fast reader; graphql-core resolves it. A value that must be awaited is left to it as well.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import CO_ITERABLE_COROUTINE
from operator import attrgetter
from types import GeneratorType
from typing import Any, TypeGuard

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
from tortoise.models import Model

from schema.graphql.permissions import definition_of

FIELD_READER = "field_reader"
"""The metadata key of a field's own reader: a function from the type's name to a function of the row."""
BATCH_READER = "batch_reader"
"""The metadata key of a field's `BatchReader`."""
BatchReader = Callable[[Sequence[Any], Any], Sequence[Any] | Awaitable[Sequence[Any]]]
"""Takes rows and the context, and returns the field's value for each row in order. An exception marks a failed row."""
PASS_THROUGH_TYPES: dict[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool, GraphQLInt: int}
"""Leaf types, each with the class whose values are serialized unchanged."""
INT_BOUND = 2**31
_awaitable_types: dict[type, bool] = {}


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Reads and serializes a plain attribute of a row."""

    read: Callable[[Any], Any]
    leaf: GraphQLLeafType
    required: bool

    def read_all(self, rows: Sequence[Any]) -> list[Any]:
        """Return the serialized values of all rows; raise if any of them must be completed row by row."""
        values = list(map(self.read, rows))
        kinds = set(map(type, values))
        plain = PASS_THROUGH_TYPES.get(self.leaf)
        if kinds == {plain} and (plain is not int or (min(values) >= -INT_BOUND and max(values) < INT_BOUND)):
            return values
        if any(issubclass(kind, Exception) or is_awaitable_type(kind) for kind in kinds):
            raise LookupError("Some of the values are errors or awaitables.")
        serialize = self.leaf.coerce_output_value
        if type(None) not in kinds:
            serialized = list(map(serialize, values))
        elif self.required:
            raise LookupError("Some of the values are null.")
        else:
            serialized = [None if value is None else serialize(value) for value in values]
        if serialized.count(None) != values.count(None):
            raise LookupError("Some of the values cannot be serialized.")
        return serialized


def field_reader_of(kind: str, field: GraphQLField) -> FieldReader | None:
    """Return the reader of a field of type `kind`; None if it has arguments, a resolver or a value that is no leaf."""
    definition = definition_of(field)
    leaf = get_nullable_type(field.type)
    if definition is None or field.args or definition.extensions or not is_leaf_type(leaf):
        return None
    if FIELD_READER in definition.metadata:
        return FieldReader(definition.metadata[FIELD_READER](kind), leaf, is_non_null_type(field.type))
    if not definition.is_basic_field:
        return None
    return FieldReader(attrgetter(definition.python_name), leaf, is_non_null_type(field.type))


def batch_reader_of(field: GraphQLField) -> BatchReader | None:
    """Return the batch reader of a field; None if it has arguments or only a resolver for a single row."""
    definition = definition_of(field)
    if definition is None or field.args or definition.extensions:
        return None
    if BATCH_READER in definition.metadata:
        read: BatchReader = definition.metadata[BATCH_READER]
        return read
    return _attribute_reader(attrgetter(definition.python_name)) if definition.is_basic_field else None


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Return whether the value must be awaited."""
    kind = type(value)
    cached = _awaitable_types.get(kind)
    if cached is None:
        cached = _awaitable_types[kind] = is_awaitable_type(kind)
    # Generator-based coroutines share their class with plain generators; only a flag of the code tells them apart.
    if kind is GeneratorType:
        return bool(value.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return cached


def is_awaitable_type(kind: type) -> bool:
    """Return whether values of the class must be awaited. A Tortoise row defines `__await__` but is a plain value."""
    return hasattr(kind, "__await__") and not issubclass(kind, Model)


def _attribute_reader(read: Callable[[Any], Any]) -> BatchReader:
    return lambda rows, _context: list(map(read, rows))
