"""Caches parsed and validated documents with their plans and costs, for the pipeline.

The cache is bounded in documents and in characters; the least recently used are removed first.
"""

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

from schema.execution.query_cost import CostCalculator, QueryLimits, check_limits
from schema.execution.query_plan import Plan, PlanBuilder
from schema.graphql.errors import ErrorCode
from schema.graphql.idempotency import IdempotencyKeyRule

RULES = (*specified_rules, IdempotencyKeyRule)
MAX_CACHED_COSTS = 64
"""For how many combinations of page sizes the cost of one operation is cached."""
MAX_DOCUMENTS = 512
"""The number of cached documents."""
MAX_CHARACTERS = 256 << 10
"""The total length of all cached documents; a tree takes about a hundred times the memory of its text."""


class Document:
    """A parsed document with its validation errors and plans, once they are computed."""

    def __init__(self, text: str, tree: DocumentNode) -> None:
        self.tree = tree
        self.has_zero_byte = has_zero_byte(text)
        self._operations = [each for each in tree.definitions if isinstance(each, OperationDefinitionNode)]
        self.errors: list[GraphQLError] | None = None
        self._plans: dict[int, Plan] = {}

    def find_operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Return the operation with this name, or the first one if `name` is None."""
        candidates = (each for each in self._operations if name is None or (each.name and each.name.value == name))
        return next(candidates, None)

    def plan(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> Plan:
        """Return the plan of one of its operations."""
        key = id(operation)
        if key not in self._plans:
            self._plans[key] = PlanBuilder(schema, self.tree).build(operation)
        return self._plans[key]


class DocumentCache:
    """The documents of one schema, by their text."""

    def __init__(self, limits: QueryLimits, *, max_documents: int = MAX_DOCUMENTS) -> None:
        """Cache `max_documents` documents and check them against `limits`."""
        self.limits = limits
        self.hits = self.misses = 0
        self._max_documents = max_documents
        self._characters = 0
        self._documents: OrderedDict[str, Document] = OrderedDict()

    def parse(self, text: str) -> Document:
        """Return the document of `text`; raise GraphQLSyntaxError if it is malformed or has too many tokens."""
        if text in self._documents:
            self.hits += 1
            self._documents.move_to_end(text)
            return self._documents[text]
        self.misses += 1
        document = Document(text, parse(text, max_tokens=self.limits.tokens))
        self._documents[text] = document
        self._characters += len(text)
        while len(self._documents) > self._max_documents or self._characters > MAX_CHARACTERS:
            evicted, _ = self._documents.popitem(last=False)
            self._characters -= len(evicted)
        return document

    def validate(self, schema: GraphQLSchema, document: Document) -> list[GraphQLError]:
        """Return the errors for which no operation of the document can run: exceeded limits or invalid syntax."""
        if document.errors is None:
            document.errors = check_limits(document.tree, self.limits) or _invalid(schema, document.tree)
        return document.errors

    def operation_cost(self, schema: GraphQLSchema, text: str, variables: Mapping[str, Any], name: str | None) -> int:
        """Return the cost of an operation; 0 if it cannot run."""
        try:
            document = self.parse(text)
        except GraphQLError:
            return 0
        operation = get_operation_ast(document.tree, name)
        if operation is None or self.validate(schema, document):
            return 0
        return plan_cost(document.plan(schema, operation), variables)


def plan_cost(plan: Plan, variables: Mapping[str, Any]) -> int:
    """Return the cost of a planned operation with the request's variables."""
    values = {**plan.defaults, **variables} if plan.defaults or variables else {}
    sizes = tuple(values[name] if isinstance(values.get(name), int) else None for name in plan.size_variables)
    if sizes not in plan.cost_by_sizes:
        if len(plan.cost_by_sizes) >= MAX_CACHED_COSTS:
            plan.cost_by_sizes.clear()
        plan.cost_by_sizes[sizes] = CostCalculator(values).points(plan.cost)
    return plan.cost_by_sizes[sizes]


def has_zero_byte(text: str) -> bool:
    """Return whether a text contains a zero byte, literally or as an escape."""
    return "\0" in text or "\\u0000" in text


def _invalid(schema: GraphQLSchema, tree: DocumentNode) -> list[GraphQLError]:
    errors = validate_document(schema, tree, RULES)
    for error in errors:
        error.extensions = {"code": ErrorCode.GRAPHQL_VALIDATION_FAILED}
    return errors
