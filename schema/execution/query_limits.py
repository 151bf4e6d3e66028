"""Limits on the size of a document, checked once for each document before it is validated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
)

from core.errors import CostLimit


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
            self._fragment_sizes[name] = (
                DocumentSize()
            )  # Ends recursion when a fragment spreads itself; validation refuses it.
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
