"""What an operation touches: one walk over it finds every permission it needs and what it may cost."""

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
from schema.execution.field_readers import Lane, ReadMany, lane_of, many_of
from schema.execution.query_cost import Selections, Weight, weight
from schema.graphql.permissions import PUBLIC, SIGNED_IN, Guard, MayNotRead, guard_of

Way = TypeVar("Way", Lane, ReadMany)
Key = tuple[str, str]
"""The names of an object type and of one of its fields."""


CLEARANCES_KEPT = 256
"""For how many sets of rules one operation is kept decided."""


@dataclass(frozen=True, eq=False)
class Clearance:
    """What one caller may read in one operation: whatever is not in `allowed` is refused."""

    allowed: frozenset[Key]
    refusals: Mapping[Key, CarrelError]
    lanes: Mapping[str, Mapping[str, Lane]] = field(default_factory=dict)
    many: Mapping[str, Mapping[str, ReadMany]] = field(default_factory=dict)

    def refusal(self, key: Key) -> CarrelError:
        """Return why the field is refused."""
        return self.refusals.get(key) or MayNotRead(
            f"{'.'.join(key)} is not cleared for this operation.", ".".join(key)
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """The fields that an operation can reach with what each asks for, and its cost."""

    operation: OperationDefinitionNode
    needs: Mapping[Key, Guard]
    cost: Selections
    defaults: Mapping[str, int]
    roots: tuple[Key, ...]
    lanes: Mapping[Key, Lane]
    many: Mapping[Key, ReadMany]
    sizes: tuple[str, ...] = ()
    points: dict[tuple[int | None, ...], int] = field(default_factory=dict)
    _clearances: dict[frozenset[Rule] | None, Clearance] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        """Whether the operation is a subscription."""
        return self.operation.operation is OperationType.SUBSCRIPTION

    @cached_property
    def is_plain(self) -> bool:
        """Whether all that is selected below the root fields are plain attributes."""
        return all(key in self.lanes or key in self.roots or key[1] == "__typename" for key in self.needs)

    def clearance(self, principal: Principal | None) -> Clearance:
        """Decide for `principal`, once for all rows, and once for all who hold the same rules."""
        rules = principal.rules if principal else None
        if rules not in self._clearances:
            if len(self._clearances) >= CLEARANCES_KEPT:
                self._clearances.clear()
            self._clearances[rules] = self._decided(principal)
        return self._clearances[rules]

    def _decided(self, principal: Principal | None) -> Clearance:
        refusals: dict[Key, CarrelError] = {}
        for key, guard in self.needs.items():
            refusal = guard.refusal(principal, ".".join(key))
            if refusal is not None:
                refusals[key] = refusal
        allowed = frozenset(self.needs.keys() - refusals.keys())
        return Clearance(allowed, refusals, _by_type(self.lanes, allowed), _by_type(self.many, allowed))


class Walk:
    """Walks one operation of a valid document; a fragment is walked once, wherever it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        """Prepare to walk operations of `document`."""
        parts = document.definitions
        self._schema = schema
        self._fragments = {part.name.value: part for part in parts if isinstance(part, FragmentDefinitionNode)}
        self._walked: dict[str, Selections] = {}
        self._needs: dict[Key, Guard] = {}
        self._lanes: dict[Key, Lane] = {}
        self._many: dict[Key, ReadMany] = {}
        self._sizes: dict[str, None] = {}
        self._root: GraphQLObjectType | None = None

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """Return the plan of `operation`."""
        self._root = self._schema.get_root_type(operation.operation)
        if self._root is None:
            return Plan(operation, {}, Selections(()), {}, (), {}, {})
        self._mutates = operation.operation is OperationType.MUTATION
        cost = self._selections(operation.selection_set, self._root)
        roots = tuple(key for key in self._needs if key[0] == self._root.name)
        ways = self._lanes, self._many
        return Plan(operation, self._needs, cost, _defaults(operation), roots, *ways, tuple(self._sizes))

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
        if name not in self._walked:
            fragment = self._fragments[name]
            condition = self._schema.type_map[fragment.type_condition.name.value]
            self._walked[name] = self._selections(fragment.selection_set, condition)
        return self._walked[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> Weight | Selections:
        name = node.name.value
        for kind in self._objects(parent):
            found = self._schema.get_field(kind, name)
            if found is not None:
                self._needs[kind.name, name] = _guard(kind, name, found)
                if lane := lane_of(kind.name, found):
                    self._lanes[kind.name, name] = lane
                elif many := many_of(found):
                    self._many[kind.name, name] = many
        shown = self._schema.get_field(parent, name)  # type: ignore[arg-type]
        if shown is None:
            return Selections(())
        below = self._selections(node.selection_set, get_named_type(shown.type))
        if name.startswith("__") or parent.name.startswith("__"):
            return Selections(())
        weighed = weight(node, shown, below, mutates=self._mutates and parent is self._root)
        self._sizes |= {each: None for each in (weighed.page.given if weighed.page else ()) if isinstance(each, str)}
        return weighed

    def _objects(self, parent: GraphQLNamedType) -> list[GraphQLObjectType]:
        if is_abstract_type(parent):
            abstract: GraphQLAbstractType = parent
            return list(self._schema.get_possible_types(abstract))
        return [parent] if isinstance(parent, GraphQLObjectType) else []


def _by_type(ways: Mapping[Key, Way], allowed: frozenset[Key]) -> Mapping[str, Mapping[str, Way]]:
    by_type: defaultdict[str, dict[str, Way]] = defaultdict(dict)
    for (kind, name), way in ways.items():
        if (kind, name) in allowed:
            by_type[kind][name] = way
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
