"""What happens to an operation before it runs: parse, validate, reckon, charge, clear; each step under a span."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_operation_ast
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from core.errors import BadInput, RateLimited
from schema.execution.context import Context
from schema.execution.document_cache import Document, Documents, cost, has_zero
from schema.execution.query_limits import too_large
from schema.execution.query_plan import Plan
from schema.execution.tracing import Traces


@dataclass(frozen=True)
class Asked:
    """An operation as somebody asked for it."""

    query: str | None
    variables: Mapping[str, Any]
    name: str | None
    allowed: Iterable[OperationType]


@dataclass(frozen=True)
class Ready:
    """An operation that may run, and what it costs."""

    document: Document
    plan: Plan
    cost: int


@dataclass(frozen=True)
class Refused:
    """Why an operation does not run, and what it would have cost."""

    errors: list[GraphQLError]
    cost: int = 0


class Preparation:
    """Prepares the operations of one schema through its cache of documents."""

    def __init__(self, schema: GraphQLSchema, documents: Documents, traces: Traces) -> None:
        """Use the cache of the schema, and its tracer."""
        self._schema, self._documents, self._traces = schema, documents, traces

    async def of(self, asked: Asked, context: object) -> Ready | Refused:
        """Prepare one operation and charge its caller, also for one that cannot run.

        One that is missing, cannot be told or came the wrong way raises what Strawberry's server knows of that.
        """
        found: Ready | Refused
        try:
            with self._traces.step(context, "parse"):
                document = self._parsed(asked)
                operation = self._named(document, asked)
            with self._traces.step(context, "validate"):
                found = self._validated(document, operation, asked, context)
        except GraphQLError as fault:
            found = Refused([fault])
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError):
            if refusal := await _charged(context, 0):
                return Refused([_said(refusal)])
            raise
        refusal = await _charged(context, found.cost if isinstance(found, Ready) else 0)
        if refusal:
            return Refused([_said(refusal)], found.cost)
        return self._cleared(found, context) if isinstance(found, Ready) else found

    def _parsed(self, asked: Asked) -> Document:
        if not asked.query:
            raise MissingQueryError
        return self._documents.parsed(asked.query)

    @staticmethod
    def _named(document: Document, asked: Asked) -> OperationDefinitionNode:
        """Return the operation that is meant, or the first of several, which validation refuses."""
        operation = document.operation(asked.name)
        if operation is None:
            raise CannotGetOperationTypeError(asked.name)
        kind = OperationType(operation.operation.value)
        if kind not in asked.allowed:
            raise InvalidOperationTypeError(kind)
        return operation

    def _validated(
        self, document: Document, operation: OperationDefinitionNode, asked: Asked, context: object
    ) -> Ready | Refused:
        if document.has_zero or _has_zero(asked.variables):
            return Refused([_said(BadInput("A text has no zero byte; take it out.", path=("variables",)))])
        faults = self._documents.faults(self._schema, document)
        if faults:
            return Refused([_without_hints(fault) for fault in faults] if _is_unknown(context) else faults[:])
        if get_operation_ast(document.tree, asked.name) is None:
            sentence = "The document holds several operations; say in operationName which one to run."
            return Refused([GraphQLError(sentence)])
        plan = document.plan(self._schema, operation)
        self._traces.name(context, plan.operation)
        return self._affordable(Ready(document, plan, cost(plan, asked.variables)))

    def _affordable(self, ready: Ready) -> Ready | Refused:
        limit = self._documents.limits.cost
        if ready.cost <= limit:
            return ready
        sentence = (
            f"This operation costs {ready.cost} points; at most {limit} are allowed. "
            "Ask for smaller pages (first, last) or fewer fields."
        )
        return Refused([too_large(sentence, ready.plan.operation)], ready.cost)

    @staticmethod
    def _cleared(ready: Ready, context: object) -> Ready | Refused:
        """Give the context its plan and its clearance; a subscription that may not begin is refused as a whole."""
        if not isinstance(context, Context):
            return ready
        plan = ready.plan
        context.plan, context.clearance = plan, plan.clearance(context.principal)
        if not plan.streams:
            return ready
        refusals = [context.clearance.refusals[root] for root in plan.roots if root in context.clearance.refusals]
        errors = [GraphQLError(refusal.message, plan.operation, original_error=refusal) for refusal in refusals]
        return Refused(errors, ready.cost) if errors else ready


async def _charged(context: object, points: int) -> RateLimited | None:
    """Charge the caller, unless that was done already; return the refusal when there is not enough left."""
    try:
        if isinstance(context, Context):
            await context.admit(points)
    except RateLimited as refusal:
        return refusal
    return None


def _has_zero(given: object) -> bool:
    """Say whether a text anywhere in `given` has a zero byte, which PostgreSQL cannot keep."""
    if isinstance(given, str):
        return has_zero(given)
    if isinstance(given, Mapping):
        return any(_has_zero(value) for value in given.values())
    return isinstance(given, list | tuple) and any(_has_zero(value) for value in given)


def _said(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)


def _is_unknown(context: object) -> bool:
    return not isinstance(context, Context) or context.principal is None


def _without_hints(error: GraphQLError) -> GraphQLError:
    """Return the error without its guesses at names, which would tell the schema to callers without a name."""
    sentence = error.message.split(" Did you mean")[0]
    return GraphQLError(sentence, error.nodes, original_error=error.original_error, extensions=error.extensions)
