"""Limits operations before they run: the size of their document, and their cost, from the page sizes they request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from strawberry.schema_directive import Location

from core.errors import CostLimit
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


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one operation; introspection is exempt from depth and cost."""

    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    directives: int = 30
    root_fields: int = 10
    mutations: int = 5
    cost: int = 10_000


@dataclass(frozen=True)
class DocumentSize:
    """The size of a part of a document; a fragment counts wherever it is spread."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def __add__(self, other: "DocumentSize") -> "DocumentSize":
        return DocumentSize(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


class SizeCalculator:
    """Calculates the sizes of one document's operations.

    Each fragment is visited once, so that fragments which double each other take linear time.
    """

    def __init__(self, document: DocumentNode) -> None:
        """Prepare to visit `document`, which need not be valid."""
        parts = document.definitions
        self._fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
        self._fragment_sizes: dict[str, DocumentSize] = {}

    def operation(self, operation: OperationDefinitionNode) -> DocumentSize:
        """Return the size of one operation."""
        own = len(operation.directives or ()) + sum(
            len(each.directives or ()) for each in operation.variable_definitions or ()
        )
        return DocumentSize(directives=own) + self._selections(operation.selection_set)

    def _selections(self, selections: SelectionSetNode | None) -> DocumentSize:
        total = DocumentSize()
        for selection in selections.selections if selections else ():
            total += DocumentSize(directives=len(selection.directives or ())) + self._selection(selection)
        return total

    def _selection(self, selection: SelectionNode) -> DocumentSize:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        if isinstance(selection, InlineFragmentNode):
            return self._selections(selection.selection_set)
        return self._field(selection) if isinstance(selection, FieldNode) else DocumentSize()

    def _field(self, field: FieldNode) -> DocumentSize:
        inner = self._selections(field.selection_set)
        deep = 0 if field.name.value.startswith("__") else inner.depth + 1
        return replace(inner, fields=1, depth=deep, aliases=inner.aliases + (field.alias is not None))

    def _fragment(self, name: str) -> DocumentSize:
        if name not in self._fragment_sizes:
            # Ends recursion when a fragment spreads itself; validation refuses it.
            self._fragment_sizes[name] = DocumentSize()
            fragment = self._fragments.get(name)
            self._fragment_sizes[name] = self._selections(fragment.selection_set) if fragment else DocumentSize()
        return self._fragment_sizes[name]


def check_limits(document: DocumentNode, limits: QueryLimits) -> list[GraphQLError]:
    """Return an error for the first limit that an operation of `document` exceeds, or an empty list."""
    calculator = SizeCalculator(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            for sentence in _violations(operation, calculator.operation(operation), limits):
                return [cost_limit_error(sentence, operation)]
    return []


def cost_limit_error(sentence: str, operation: OperationDefinitionNode) -> GraphQLError:
    """Return a COST_LIMIT error about `operation` with `sentence` as its message."""
    return GraphQLError(sentence, operation, original_error=CostLimit(sentence))


def _violations(operation: OperationDefinitionNode, size: DocumentSize, limits: QueryLimits) -> Iterator[str]:
    if size.depth > limits.depth:
        yield f"This operation is {size.depth} fields deep; at most {limits.depth} are allowed."
    if size.aliases > limits.aliases:
        yield f"This operation has {size.aliases} aliases; at most {limits.aliases} are allowed."
    if size.directives > limits.directives:
        yield f"This operation has {size.directives} directives; at most {limits.directives} are allowed."
    if operation.operation is OperationType.MUTATION and size.fields > limits.mutations:
        yield f"This operation has {size.fields} mutations; at most {limits.mutations} are allowed at once."
    if size.fields > limits.root_fields:
        yield f"This operation has {size.fields} root fields; at most {limits.root_fields} are allowed."
