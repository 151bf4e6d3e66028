"""Documents that were seen before are not parsed, measured, validated and walked again."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from schema.execution.query_cost import Reckoning
from schema.execution.query_limits import Limits, breaches
from schema.execution.query_plan import Plan, Walk
from schema.graphql.errors import Code
from schema.graphql.idempotency import KeysWhereTheyCount

RULES = (*specified_rules, KeysWhereTheyCount)
SIZES_KEPT = 64
"""For how many combinations of page sizes the cost of one operation is kept."""
KEPT = 512
"""How many documents are kept: those used last."""
KEPT_CHARACTERS = 256 << 10
"""How long all documents that are kept may be together; a tree takes some hundred times the memory of its text."""


class Document:
    """One parsed document with what became known of it."""

    def __init__(self, text: str, tree: DocumentNode) -> None:
        self.tree = tree
        self.has_zero = has_zero(text)
        self._operations = [each for each in tree.definitions if isinstance(each, OperationDefinitionNode)]
        self.errors: list[GraphQLError] | None = None
        self._plans: dict[int, Plan] = {}

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Return the operation with this name, without a name the first one."""
        named = (each for each in self._operations if name is None or (each.name and each.name.value == name))
        return next(named, None)

    def plan(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> Plan:
        """Return the plan of one of its operations."""
        key = id(operation)
        if key not in self._plans:
            self._plans[key] = Walk(schema, self.tree).plan(operation)
        return self._plans[key]


class Documents:
    """The documents of one schema, by their text; `hits` and `misses` count how often one was known."""

    def __init__(self, limits: Limits, *, kept: int = KEPT) -> None:
        """Keep `kept` documents that hold within `limits`."""
        self.limits = limits
        self.hits = self.misses = 0
        self._kept = kept
        self._characters = 0
        self._known: OrderedDict[str, Document] = OrderedDict()

    def parsed(self, text: str) -> Document:
        """Return the document of `text`; GraphQLSyntaxError when it is none or too long."""
        if text in self._known:
            self.hits += 1
            self._known.move_to_end(text)
            return self._known[text]
        self.misses += 1
        document = Document(text, parse(text, max_tokens=self.limits.tokens))
        self._known[text] = document
        self._characters += len(text)
        while len(self._known) > self._kept or self._characters > KEPT_CHARACTERS:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)
        return document

    def faults(self, schema: GraphQLSchema, document: Document) -> list[GraphQLError]:
        """Return what keeps every operation of the document from running: its size, or its not being valid."""
        if document.errors is None:
            document.errors = breaches(document.tree, self.limits) or _invalid(schema, document.tree)
        return document.errors

    def price(self, schema: GraphQLSchema, text: str, variables: Mapping[str, Any], name: str | None) -> int:
        """Return what an operation costs; 0 when it cannot run."""
        try:
            document = self.parsed(text)
        except GraphQLError:
            return 0
        operation = get_operation_ast(document.tree, name)
        if operation is None or self.faults(schema, document):
            return 0
        return cost(document.plan(schema, operation), variables)


def cost(plan: Plan, variables: Mapping[str, Any]) -> int:
    """Return the points of an operation with the variables that were given."""
    given = {**plan.defaults, **variables} if plan.defaults or variables else {}
    sizes = tuple(given[name] if isinstance(given.get(name), int) else None for name in plan.sizes)
    if sizes not in plan.points:
        if len(plan.points) >= SIZES_KEPT:
            plan.points.clear()
        plan.points[sizes] = Reckoning(given).points(plan.cost)
    return plan.points[sizes]


def has_zero(text: str) -> bool:
    """Say whether a text has a zero byte, written as itself or as an escape."""
    return "\0" in text or "\\u0000" in text


def _invalid(schema: GraphQLSchema, tree: DocumentNode) -> list[GraphQLError]:
    faults = validate_document(schema, tree, RULES)
    for fault in faults:
        fault.extensions = {"code": Code.GRAPHQL_VALIDATION_FAILED}
    return faults
