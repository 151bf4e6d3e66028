"""The schema class of the API: Strawberry's types, always executed with permissions, limits, caches and masking.

The transports call `execute` and `stream`. Strawberry's extensions and middleware are not supported.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

import strawberry
from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError
from opentelemetry.trace import Tracer
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from core.errors import RateLimited
from schema.context import GraphQLContext
from schema.execution.document_cache import DocumentCache
from schema.execution.event_cache import EventCache, variables_key
from schema.execution.executor import GuardedExecutor, build_executor, execute_call, start_subscription
from schema.execution.pipeline import CallPreparer, GraphQLCall, PreparedCall, RequestRefused
from schema.execution.query_cost import QueryLimits
from schema.execution.telemetry import OperationMetric, OperationTracer, metrics
from schema.graphql.errors import ConflictError, ForbiddenError, InputError, NotFoundError, log_and_mask, new_trace_id
from schema.graphql.idempotency import idempotent
from schema.transport.multipart import UPLOAD, Upload

REQUEST_TYPES = frozenset({OperationType.QUERY, OperationType.MUTATION})
ALL_TYPES = frozenset(OperationType)
INVALID_REQUEST_ERRORS = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
Result = ExecutionResult | PreExecutionError


class Schema(strawberry.Schema):
    """A schema whose fields are guarded by their directives; every operation needs a `GraphQLContext`."""

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Iterable[Any] = (),
        limits: QueryLimits | None = None,
        tracer: Tracer | None = None,
        config: StrawberryConfig | None = None,
    ) -> None:
        """Build the schema; `types` are those that no field refers to, such as further kinds of a Node."""
        super().__init__(
            query,
            mutation,
            subscription,
            types=[InputError, NotFoundError, ConflictError, ForbiddenError, *types],
            directives=[idempotent],
            execution_context_class=GuardedExecutor,
            config=config or StrawberryConfig(scalar_map={Upload: UPLOAD}),
        )
        self.document_cache = DocumentCache(limits or QueryLimits())
        self.tracer = OperationTracer(tracer)
        self.event_cache = EventCache()
        self._preparer = CallPreparer(self._schema, self.document_cache, self.tracer)

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> ExecutionResult:
        """Execute a query or a mutation; internal errors are masked."""
        call = GraphQLCall(query, variable_values or {}, operation_name, allowed_operation_types or REQUEST_TYPES)
        with self._track(context_value) as metric:
            result = await self._run(call, context_value, root_value)
            metric.record(result)
        return result

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,  # noqa: ARG002
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> AsyncGenerator[Result, None]:
        """Execute an operation as a stream, with the caller's current permissions.

        A websocket passes the same context for all of its operations, so each gets a copy. A context that was charged
        already belongs to this operation.
        """
        context = context_value
        if isinstance(context, GraphQLContext) and not context.is_charged:
            context = context.for_new_operation()
        call = GraphQLCall(query, variable_values or {}, operation_name, allowed_operation_types or ALL_TYPES)
        return self._masked_stream(call, context, root_value)

    async def charge(
        self, query: str, variables: dict[str, Any] | None, name: str | None, context: GraphQLContext
    ) -> None:
        """Charge the caller for an operation before it is streamed; raise RateLimited if too little is left."""
        try:
            await context.charge(self.document_cache.operation_cost(self._schema, query, variables or {}, name))
        except RateLimited:
            metrics.count_rate_limited()
            raise

    @contextmanager
    def _track(self, context: object) -> Iterator[OperationMetric]:
        span = self.tracer.start_span(context)
        try:
            with metrics.track_operation(context) as metric:
                yield metric
        finally:
            span.end()

    async def _run(self, call: GraphQLCall, context: object, root: object) -> Result:
        """Prepare and execute a query or mutation; an exception outside its fields becomes a masked error."""
        try:
            prepared = await self._preparer.prepare(call, context)
            if isinstance(prepared, RequestRefused):
                return await _refusal_result(self._cost_extensions(prepared.cost, context), prepared.errors, context)
            return await self._execute_prepared(prepared, call, context, root)
        except INVALID_REQUEST_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
            return await _refusal_result(self._cost_extensions(0, context), [_as_graphql_error(error)], context)

    async def _execute_prepared(
        self, prepared: PreparedCall, call: GraphQLCall, context: object, root: object
    ) -> Result:
        with self.tracer.step_span(context, "execute"):
            result = await execute_call(self._schema, prepared, call, context, root)
        errors = await _client_errors(result.errors, context) if result.errors else None
        return ExecutionResult(result.data, errors, self._cost_extensions(prepared.cost, context))

    async def _masked_stream(self, call: GraphQLCall, context: object, root: object) -> AsyncGenerator[Result, None]:
        """Yield the results of an operation; an exception of the stream itself becomes its last result."""
        with self._track(context) as metric, metrics.track_stream():
            try:
                async with aclosing(self._results(call, context, root)) as results:
                    async for result in results:
                        metric.record(result)
                        yield result
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
                failure = await _refusal_result(None, [_as_graphql_error(error)], context)
                metric.record(failure)
                yield failure

    async def _results(self, call: GraphQLCall, context: object, root: object) -> AsyncGenerator[Result, None]:
        if isinstance(context, GraphQLContext) and not context.is_charged:
            await context.refresh_access()
        prepared = await self._preparer.prepare(call, context)
        if isinstance(prepared, RequestRefused):
            yield await _refusal_result(self._cost_extensions(prepared.cost, context), prepared.errors, context)
        elif not prepared.plan.is_subscription:
            yield await self._execute_prepared(prepared, call, context, root)
        else:
            async with aclosing(self._event_results(prepared, call, context, root)) as events:
                async for event in events:
                    yield event

    async def _event_results(
        self, prepared: PreparedCall, call: GraphQLCall, context: object, root: object
    ) -> AsyncGenerator[Result, None]:
        """Yield the result of each event of a subscription; the first one carries the cost."""
        executor = build_executor(self._schema, prepared, call, context, root)
        with self.tracer.step_span(context, "execute"):
            source: Any = (
                executor if isinstance(executor, GraphQLExecutionResult) else await start_subscription(executor)
            )
        extensions: dict[str, Any] | None = self._cost_extensions(prepared.cost, context)
        if isinstance(executor, GraphQLExecutionResult) or isinstance(source, GraphQLExecutionResult):
            yield await _refusal_result(extensions, source.errors or [], context)
            return
        variables = variables_key(call.variables)
        async with aclosing(source):
            async for value in source:
                result = await self.event_cache.get_or_execute(executor, variables, value)
                if result.errors and isinstance(context, GraphQLContext):
                    await context.report_refusals(result.errors)
                yield replace(result, extensions=extensions) if extensions else result
                extensions = None

    def _cost_extensions(self, cost: int, context: object) -> dict[str, Any]:
        """Return `extensions` with the cost and the caller's remaining budget."""
        status = context.rate_limit_status if isinstance(context, GraphQLContext) else None
        extensions = {"requested": cost, "limit": self.document_cache.limits.cost}
        return {"cost": extensions | {"throttle": status.to_dict() if status else None}}


async def _refusal_result(
    extensions: dict[str, Any] | None, errors: list[GraphQLError], context: object
) -> PreExecutionError:
    return PreExecutionError(None, await _client_errors(errors, context), extensions)


def _as_graphql_error(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


async def _client_errors(errors: Sequence[GraphQLError], context: object) -> list[GraphQLError]:
    """Record refusals and return the errors for the client, internal ones masked."""
    if not isinstance(context, GraphQLContext):
        return log_and_mask(errors, new_trace_id())
    await context.report_refusals(errors)
    return log_and_mask(errors, context.trace_id)
