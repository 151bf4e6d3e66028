"""Plans an operation: one traversal collects the guards of every field it can reach, their readers and its cost.

Plans are cached with their documents, and the decision for one set of rules is cached with the plan.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)

from core.errors import CarrelError
from models.accounts.roles import Rule
from models.permissions.principal import Principal
from schema.execution.field_readers import BatchReader, FieldReader, batch_reader_of, field_reader_of
from schema.execution.query_cost import Selections, Weight, weight
from schema.graphql.permissions import PUBLIC, SIGNED_IN, FieldForbidden, Guard, guard_of

Reader = TypeVar("Reader", FieldReader, BatchReader)
FieldKey = tuple[str, str]
"""The names of an object type and of one of its fields."""
MAX_CACHED_ACCESS = 256
"""For how many sets of rules the decision about one operation is cached."""


@dataclass(frozen=True, eq=False)
class FieldAccess:
    """The fields that one caller may read in one operation; all others are refused."""

    allowed: frozenset[FieldKey]
    refusals: Mapping[FieldKey, CarrelError]
    field_readers: Mapping[str, Mapping[str, FieldReader]] = field(default_factory=dict)
    batch_readers: Mapping[str, Mapping[str, BatchReader]] = field(default_factory=dict)

    def refusal(self, key: FieldKey) -> CarrelError:
        """Return why the field is refused."""
        return self.refusals.get(key) or FieldForbidden(
            f"{'.'.join(key)} is not part of this operation's plan.", ".".join(key)
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """The fields that an operation can reach with their guards and readers, and its cost."""

    operation: OperationDefinitionNode
    guards: Mapping[FieldKey, Guard]
    cost: Selections
    defaults: Mapping[str, int]
    roots: tuple[FieldKey, ...]
    field_readers: Mapping[FieldKey, FieldReader]
    batch_readers: Mapping[FieldKey, BatchReader]
    size_variables: tuple[str, ...] = ()
    cost_by_sizes: dict[tuple[int | None, ...], int] = field(default_factory=dict)
    _access_by_rules: dict[frozenset[Rule] | None, FieldAccess] = field(default_factory=dict)

    @property
    def is_subscription(self) -> bool:
        """Whether the operation is a subscription."""
        return self.operation.operation is OperationType.SUBSCRIPTION

    @cached_property
    def has_only_attributes(self) -> bool:
        """Whether every field selected below the root fields is a plain attribute."""
        return all(key in self.field_readers or key in self.roots or key[1] == "__typename" for key in self.guards)

    def access_for(self, principal: Principal | None) -> FieldAccess:
        """Return the decision for `principal`; callers with the same rules share it."""
        rules = principal.rules if principal else None
        if rules not in self._access_by_rules:
            if len(self._access_by_rules) >= MAX_CACHED_ACCESS:
                self._access_by_rules.clear()
            self._access_by_rules[rules] = self._decide(principal)
        return self._access_by_rules[rules]

    def _decide(self, principal: Principal | None) -> FieldAccess:
        refusals: dict[FieldKey, CarrelError] = {}
        for key, guard in self.guards.items():
            refusal = guard.refusal(principal, ".".join(key))
            if refusal is not None:
                refusals[key] = refusal
        allowed = frozenset(self.guards.keys() - refusals.keys())
        return FieldAccess(
            allowed, refusals, _by_type(self.field_readers, allowed), _by_type(self.batch_readers, allowed)
        )


class PlanBuilder:
    """Builds the plan of one operation of a valid document; a fragment is visited once, wherever it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        """Prepare to plan an operation of `document`."""
        parts = document.definitions
        self._schema = schema
        self._fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
        self._fragment_costs: dict[str, Selections] = {}
        self._guards: dict[FieldKey, Guard] = {}
        self._field_readers: dict[FieldKey, FieldReader] = {}
        self._batch_readers: dict[FieldKey, BatchReader] = {}
        self._size_variables: dict[str, None] = {}
        self._root: GraphQLObjectType | None = None

    def build(self, operation: OperationDefinitionNode) -> Plan:
        """Return the plan of `operation`."""
        self._root = self._schema.get_root_type(operation.operation)
        if self._root is None:
            return Plan(operation, {}, Selections(()), {}, (), {}, {})
        self._is_mutation = operation.operation is OperationType.MUTATION
        cost = self._selections(operation.selection_set, self._root)
        roots = tuple(key for key in self._guards if key[0] == self._root.name)
        readers = self._field_readers, self._batch_readers
        return Plan(operation, self._guards, cost, _defaults(operation), roots, *readers, tuple(self._size_variables))

    def _selections(self, selections: SelectionSetNode | None, parent: GraphQLNamedType) -> Selections:
        return Selections([self._selection(each, parent) for each in (selections.selections if selections else ())])

    def _selection(self, selection: SelectionNode, parent: GraphQLNamedType) -> Weight | Selections:
        if isinstance(selection, FieldNode):
            return self._field(selection, parent)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        condition = getattr(selection, "type_condition", None)
        inner = self._schema.type_map[condition.name.value] if condition else parent
        return self._selections(getattr(selection, "selection_set", None), inner)

    def _fragment(self, name: str) -> Selections:
        if name not in self._fragment_costs:
            fragment = self._fragments[name]
            condition = self._schema.type_map[fragment.type_condition.name.value]
            self._fragment_costs[name] = self._selections(fragment.selection_set, condition)
        return self._fragment_costs[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> Weight | Selections:
        name = node.name.value
        for kind in self._objects(parent):
            found = self._schema.get_field(kind, name)
            if found is not None:
                self._guards[kind.name, name] = _guard(kind, name, found)
                if field_reader := field_reader_of(kind.name, found):
                    self._field_readers[kind.name, name] = field_reader
                elif batch_reader := batch_reader_of(found):
                    self._batch_readers[kind.name, name] = batch_reader
        definition = self._schema.get_field(parent, name)  # type: ignore[arg-type]
        if definition is None:
            return Selections(())
        below = self._selections(node.selection_set, get_named_type(definition.type))
        if name.startswith("__") or parent.name.startswith("__"):
            return Selections(())  # Introspection is free, but its fields need guards.
        weighted = weight(node, definition, below, is_mutation=self._is_mutation and parent is self._root)
        self._size_variables |= {
            each: None for each in (weighted.page.given if weighted.page else ()) if isinstance(each, str)
        }
        return weighted

    def _objects(self, parent: GraphQLNamedType) -> list[GraphQLObjectType]:
        if is_abstract_type(parent):
            abstract: GraphQLAbstractType = parent
            return list(self._schema.get_possible_types(abstract))
        return [parent] if isinstance(parent, GraphQLObjectType) else []


def _by_type(readers: Mapping[FieldKey, Reader], allowed: frozenset[FieldKey]) -> Mapping[str, Mapping[str, Reader]]:
    by_type: defaultdict[str, dict[str, Reader]] = defaultdict(dict)
    for (kind, name), reader in readers.items():
        if (kind, name) in allowed:
            by_type[kind][name] = reader
    return dict(by_type)


def _guard(kind: GraphQLObjectType, name: str, field: GraphQLField) -> Guard:
    if name in {"__schema", "__type"}:
        return SIGNED_IN
    return PUBLIC if name.startswith("__") or kind.name.startswith("__") else guard_of(field)


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        each.variable.name.value: int(each.default_value.value)
        for each in operation.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }
