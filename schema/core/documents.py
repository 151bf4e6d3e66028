"""Documents that were seen before are not parsed, measured, validated and walked again."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document
from strawberry.types.execution import ExecutionContext

from schema.core.context import Context
from schema.core.cost import Reckoning
from schema.core.errors import Code
from schema.core.limits import Limits, breaches, too_large
from schema.core.plan import Plan, Walk

KEPT = 512
"""How many documents are kept: those used last."""
KEPT_CHARACTERS = 256 << 10
"""How long all documents that are kept may be together; a tree takes some hundred times the memory of its text."""


class Document:
    """One parsed document with what became known of it."""

    def __init__(self, tree: DocumentNode) -> None:
        self.tree = tree
        self.errors: list[GraphQLError] | None = None
        self._plans: dict[int, Plan] = {}

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
        document = Document(parse(text, max_tokens=self.limits.tokens))
        self._known[text] = document
        self._characters += len(text)
        while len(self._known) > self._kept or self._characters > KEPT_CHARACTERS:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)
        return document


class Preparation(SchemaExtension):
    """Parses, measures and validates through the cache, reckons the cost, and clears the caller for the fields."""

    def __init__(self, documents: Documents) -> None:
        """Use the cache of the schema."""
        self._documents = documents
        self._document: Document | None = None
        self._cost: int | None = None

    def on_parse(self) -> Iterator[None]:
        """Take the document from the cache; one that cannot be parsed is left to Strawberry, which says why."""
        context = self.execution_context
        context.parse_options["max_tokens"] = self._documents.limits.tokens
        try:
            self._document = self._documents.parsed(context.query or "")
            context.graphql_document = self._document.tree
        except GraphQLError:
            self._document = None
        yield

    def on_validate(self) -> Iterator[None]:
        """Set the errors that keep the operation from running; an empty list lets it run."""
        self.execution_context.pre_execution_errors = self._errors()
        yield

    def get_results(self) -> dict[str, Any]:
        """Tell the cost in `extensions`."""
        return {} if self._cost is None else {"cost": {"requested": self._cost, "limit": self._documents.limits.cost}}

    def _errors(self) -> list[GraphQLError]:
        context, document = self.execution_context, self._document
        if document is None:
            return []
        if document.errors is None:
            document.errors = breaches(document.tree, self._documents.limits) or _faults(context, document.tree)
        if document.errors:
            return (
                [_without_hints(error) for error in document.errors]
                if _is_unknown(context.context)
                else document.errors[:]
            )
        return self._cleared(document)

    def _cleared(self, document: Document) -> list[GraphQLError]:
        context = self.execution_context
        operation = get_operation_ast(document.tree, context._provided_operation_name)
        if operation is None:
            return [GraphQLError("The document holds several operations; say in operationName which one to run.")]
        plan = document.plan(context.schema._schema, operation)
        too_costly = self._reckon(plan, context.variables or {})
        return too_costly or _clear(plan, context.context)

    def _reckon(self, plan: Plan, variables: Mapping[str, Any]) -> list[GraphQLError]:
        limit = self._documents.limits.cost
        self._cost = Reckoning({**plan.defaults, **variables}).points(plan.cost)
        if self._cost <= limit:
            return []
        return [
            too_large(
                f"This operation costs {self._cost} points; at most {limit} are allowed. "
                "Ask for smaller pages (first, last) or fewer fields.",
                plan.operation,
            )
        ]


def _faults(context: ExecutionContext, tree: DocumentNode) -> list[GraphQLError]:
    faults = validate_document(context.schema._schema, tree, context.validation_rules)
    for fault in faults:
        fault.extensions = {"code": Code.GRAPHQL_VALIDATION_FAILED}
    return faults


def _is_unknown(context: object) -> bool:
    return not isinstance(context, Context) or context.principal is None


def _without_hints(error: GraphQLError) -> GraphQLError:
    """Return the error without its guesses at names, which would tell the schema to callers without a name."""
    sentence = error.message.split(" Did you mean")[0]
    return GraphQLError(sentence, error.nodes, original_error=error.original_error, extensions=error.extensions)


def _clear(plan: Plan, context: object) -> list[GraphQLError]:
    """Give the context its clearance; a subscription that may not begin is refused as a whole."""
    if not isinstance(context, Context):
        return []
    context.clearance = plan.clearance(context.principal)
    if plan.operation.operation is not OperationType.SUBSCRIPTION:
        return []
    refusals = [context.clearance.refusals[root] for root in plan.roots if root in context.clearance.refusals]
    return [GraphQLError(refusal.message, plan.operation, original_error=refusal) for refusal in refusals]
