"""How large a document may be: counted once for each document, before it is validated."""

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
class Limits:
    """The limits of one operation; introspection is exempt from depth and cost."""

    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    directives: int = 30
    root_fields: int = 10
    mutations: int = 5
    cost: int = 10_000


@dataclass(frozen=True)
class Size:
    """How large a part of a document is, with every fragment counted wherever it is spread."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


class Measure:
    """Measures the selections of one document; each fragment once, so that doubling fragments cost nothing."""

    def __init__(self, document: DocumentNode) -> None:
        """Prepare to measure `document`, which need not be valid."""
        parts = document.definitions
        self._fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
        self._known: dict[str, Size] = {}

    def operation(self, operation: OperationDefinitionNode) -> Size:
        """Measure one operation."""
        own = len(operation.directives or ()) + sum(
            len(each.directives or ()) for each in operation.variable_definitions or ()
        )
        return Size(directives=own) + self._selections(operation.selection_set)

    def _selections(self, selections: SelectionSetNode | None) -> Size:
        total = Size()
        for selection in selections.selections if selections else ():
            total += Size(directives=len(selection.directives or ())) + self._selection(selection)
        return total

    def _selection(self, selection: SelectionNode) -> Size:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        if isinstance(selection, InlineFragmentNode):
            return self._selections(selection.selection_set)
        return self._field(selection) if isinstance(selection, FieldNode) else Size()

    def _field(self, field: FieldNode) -> Size:
        inner = self._selections(field.selection_set)
        deep = 0 if field.name.value.startswith("__") else inner.depth + 1
        return replace(inner, fields=1, depth=deep, aliases=inner.aliases + (field.alias is not None))

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # A fragment within itself counts nothing here; validation refuses it.
            fragment = self._fragments.get(name)
            self._known[name] = self._selections(fragment.selection_set) if fragment else Size()
        return self._known[name]


def breaches(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Return one error for the first limit that any operation of `document` breaks, or none."""
    measure = Measure(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            for sentence in _sentences(operation, measure.operation(operation), limits):
                return [too_large(sentence, operation)]
    return []


def too_large(sentence: str, operation: OperationDefinitionNode) -> GraphQLError:
    """Return the COST_LIMIT error that says `sentence` about `operation`."""
    return GraphQLError(sentence, operation, original_error=CostLimit(sentence))


def _sentences(operation: OperationDefinitionNode, size: Size, limits: Limits) -> Iterator[str]:
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
