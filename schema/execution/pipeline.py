"""Prepares an operation for execution: parse, validate, calculate its cost, charge the caller, check permissions.

A refused operation is charged as well, so that invalid requests cannot bypass the rate limit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_operation_ast
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from core.errors import BadInput, RateLimited
from schema.context import GraphQLContext
from schema.execution.document_cache import Document, DocumentCache, has_zero_byte, plan_cost
from schema.execution.query_cost import cost_limit_error
from schema.execution.query_plan import Plan
from schema.execution.telemetry import OperationTracer


@dataclass(frozen=True)
class GraphQLCall:
    """A request to execute an operation."""

    query: str | None
    variables: Mapping[str, Any]
    name: str | None
    allowed_types: Iterable[OperationType]


@dataclass(frozen=True)
class PreparedCall:
    """A call that may run, with its cost."""

    document: Document
    plan: Plan
    cost: int


@dataclass(frozen=True)
class RequestRefused:
    """The errors of a call that may not run, and what it would have cost."""

    errors: list[GraphQLError]
    cost: int = 0


class CallPreparer:
    """Prepares calls of one schema, using its document cache."""

    def __init__(self, schema: GraphQLSchema, documents: DocumentCache, tracer: OperationTracer) -> None:
        """Create the preparer with the schema's document cache and tracer."""
        self._schema, self._documents, self._tracer = schema, documents, tracer

    async def prepare(self, call: GraphQLCall, context: object) -> PreparedCall | RequestRefused:
        """Prepare one call and charge its caller, even if the call cannot run.

        Raises Strawberry's exceptions for a missing query, an unknown operation name or a disallowed operation type.
        """
        result: PreparedCall | RequestRefused
        try:
            with self._tracer.step_span(context, "parse"):
                document = self._parse(call)
                operation = self._select_operation(document, call)
            with self._tracer.step_span(context, "validate"):
                result = self._validate(document, operation, call, context)
        except GraphQLError as error:
            result = RequestRefused([error])
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError):
            if refusal := await _charge(context, 0):
                return RequestRefused([_as_graphql_error(refusal)])
            raise
        refusal = await _charge(context, result.cost if isinstance(result, PreparedCall) else 0)
        if refusal:
            return RequestRefused([_as_graphql_error(refusal)], result.cost)
        return self._authorize(result, context) if isinstance(result, PreparedCall) else result

    def _parse(self, call: GraphQLCall) -> Document:
        if not call.query:
            raise MissingQueryError
        return self._documents.parse(call.query)

    @staticmethod
    def _select_operation(document: Document, call: GraphQLCall) -> OperationDefinitionNode:
        # Without a name this is the first of several operations; _validate refuses such a document.
        operation = document.find_operation(call.name)
        if operation is None:
            raise CannotGetOperationTypeError(call.name)
        kind = OperationType(operation.operation.value)
        if kind not in call.allowed_types:
            raise InvalidOperationTypeError(kind)
        return operation

    def _validate(
        self, document: Document, operation: OperationDefinitionNode, call: GraphQLCall, context: object
    ) -> PreparedCall | RequestRefused:
        if document.has_zero_byte or _contains_zero_byte(call.variables):
            return RequestRefused(
                [_as_graphql_error(BadInput("A text cannot contain a zero byte. Remove it.", path=("variables",)))]
            )
        errors = self._documents.validate(self._schema, document)
        if errors:
            return RequestRefused(
                [_without_suggestions(error) for error in errors] if _is_anonymous(context) else errors[:]
            )
        if get_operation_ast(document.tree, call.name) is None:
            sentence = "The document has several operations. Name the one to run in operationName."
            return RequestRefused([GraphQLError(sentence)])
        plan = document.plan(self._schema, operation)
        self._tracer.name_span(context, plan.operation)
        return self._check_cost(PreparedCall(document, plan, plan_cost(plan, call.variables)))

    def _check_cost(self, prepared: PreparedCall) -> PreparedCall | RequestRefused:
        limit = self._documents.limits.cost
        if prepared.cost <= limit:
            return prepared
        sentence = (
            f"This operation costs {prepared.cost} points; at most {limit} are allowed. "
            "Ask for smaller pages (first, last) or fewer fields."
        )
        return RequestRefused([cost_limit_error(sentence, prepared.plan.operation)], prepared.cost)

    @staticmethod
    def _authorize(prepared: PreparedCall, context: object) -> PreparedCall | RequestRefused:
        """Decide the fields of the call for its caller; refuse a subscription as a whole if its root field is."""
        if not isinstance(context, GraphQLContext):
            return prepared
        plan = prepared.plan
        context.plan, context.field_access = plan, plan.access_for(context.principal)
        if not plan.is_subscription:
            return prepared
        refusals = [context.field_access.refusals[root] for root in plan.roots if root in context.field_access.refusals]
        errors = [GraphQLError(refusal.message, plan.operation, original_error=refusal) for refusal in refusals]
        return RequestRefused(errors, prepared.cost) if errors else prepared


async def _charge(context: object, points: int) -> RateLimited | None:
    """Charge the caller, unless that was done already; return the error if too little is left."""
    try:
        if isinstance(context, GraphQLContext):
            await context.charge(points)
    except RateLimited as refusal:
        return refusal
    return None


def _contains_zero_byte(value: object) -> bool:
    # PostgreSQL cannot store a zero byte in a text.
    if isinstance(value, str):
        return has_zero_byte(value)
    if isinstance(value, Mapping):
        return any(_contains_zero_byte(each) for each in value.values())
    return isinstance(value, list | tuple) and any(_contains_zero_byte(each) for each in value)


def _as_graphql_error(error: Exception) -> GraphQLError:
    return GraphQLError(str(error), original_error=error)


def _is_anonymous(context: object) -> bool:
    return not isinstance(context, GraphQLContext) or context.principal is None


def _without_suggestions(error: GraphQLError) -> GraphQLError:
    # Suggested names would reveal the schema to callers who are not signed in.
    sentence = error.message.split(" Did you mean")[0]
    return GraphQLError(sentence, error.nodes, original_error=error.original_error, extensions=error.extensions)
