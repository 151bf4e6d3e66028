"""What happens to an operation before and while it runs: parse, validate, reckon, charge, clear; each under a span."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from graphql import GraphQLError, OperationType, get_operation_ast
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from core.errors import BadInput, RateLimited
from schema.core.context import Context
from schema.core.documents import Document, Documents, cost
from schema.core.limits import too_large
from schema.core.plan import Plan
from schema.core.tracing import Traces

NEVER_RAN = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)


class Preparation(SchemaExtension):
    """Prepares one operation through the cache of documents, and tells its cost."""

    def __init__(self, documents: Documents, traces: Traces) -> None:
        """Use the cache of the schema, and its tracer."""
        self._documents = documents
        self._traces = traces
        self._document: Document | None = None
        self._cost = 0

    async def on_operation(self) -> AsyncIterator[None]:
        """Charge also for operations that cannot be told, or came the wrong way; they are refused anyhow."""
        try:
            yield
        except NEVER_RAN:
            await self._refusal(0)
            raise

    async def on_parse(self) -> AsyncIterator[None]:
        """Take the document from the cache; one that cannot be parsed is left to Strawberry, which says why."""
        execution = self.execution_context
        execution.parse_options["max_tokens"] = self._documents.limits.tokens
        with self._traces.step(execution.context, "parse"):
            try:
                self._document = self._documents.parsed(execution.query or "")
                execution.graphql_document = self._document.tree
            except GraphQLError:
                self._document = None
        if self._document is None and (refusal := await self._refusal(0)):
            raise refusal
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Set the errors that keep the operation from running; an empty list lets it run."""
        execution = self.execution_context
        with self._traces.step(execution.context, "validate"):
            errors = self._errors()
        refusal = await self._refusal(0 if errors else self._cost)
        execution.pre_execution_errors = [_said(refusal)] if refusal else errors
        yield

    def on_execute(self) -> Iterator[None]:
        """Put a span around the execution; of a subscription around its beginning."""
        with self._traces.step(self.execution_context.context, "execute"):
            yield

    def get_results(self) -> dict[str, Any]:
        """Tell the cost, and what the caller has left, in `extensions`."""
        context = self.execution_context.context
        throttle = context.throttle if isinstance(context, Context) else None
        told = {"requested": self._cost, "limit": self._documents.limits.cost}
        return {"cost": told | {"throttle": throttle.shown() if throttle else None}}

    async def _refusal(self, points: int) -> RateLimited | None:
        context = self.execution_context.context
        try:
            if isinstance(context, Context):
                await context.admit(points)
        except RateLimited as refusal:
            return refusal
        return None

    def _errors(self) -> list[GraphQLError]:
        execution, document = self.execution_context, self._document
        if document is None:
            return []
        if _has_zero(execution.query) or _has_zero(execution.variables):
            return [_said(BadInput("A text has no zero byte; take it out.", path=("variables",)))]
        faults = self._documents.faults(execution.schema._schema, document)
        if faults:
            return [_without_hints(fault) for fault in faults] if _is_unknown(execution.context) else faults[:]
        operation = get_operation_ast(document.tree, execution._provided_operation_name)
        if operation is None:
            return [GraphQLError("The document holds several operations; say in operationName which one to run.")]
        plan = document.plan(execution.schema._schema, operation)
        self._traces.name(execution.context, plan.operation)
        return self._too_costly(plan) or _clear(plan, execution.context)

    def _too_costly(self, plan: Plan) -> list[GraphQLError]:
        limit = self._documents.limits.cost
        self._cost = cost(plan, self.execution_context.variables or {})
        if self._cost <= limit:
            return []
        return [
            too_large(
                f"This operation costs {self._cost} points; at most {limit} are allowed. "
                "Ask for smaller pages (first, last) or fewer fields.",
                plan.operation,
            )
        ]


def _has_zero(given: object) -> bool:
    """Say whether a text anywhere in `given` has a zero byte, which PostgreSQL cannot keep."""
    if isinstance(given, str):
        return "\0" in given or "\\u0000" in given
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


def _clear(plan: Plan, context: object) -> list[GraphQLError]:
    """Give the context its plan and its clearance; a subscription that may not begin is refused as a whole."""
    if not isinstance(context, Context):
        return []
    context.plan, context.clearance = plan, plan.clearance(context.principal)
    if plan.operation.operation is not OperationType.SUBSCRIPTION:
        return []
    refusals = [context.clearance.refusals[root] for root in plan.roots if root in context.clearance.refusals]
    return [GraphQLError(refusal.message, plan.operation, original_error=refusal) for refusal in refusals]
