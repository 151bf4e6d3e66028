"""Our schema class: Strawberry's, with permissions, limits, caches and error handling always on."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, aclosing
from typing import Any

import strawberry
from graphql import GraphQLError
from opentelemetry.trace import Span, Tracer
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from core.errors import RateLimited
from schema.core.context import Context
from schema.core.documents import Documents
from schema.core.errors import ConflictError, ForbiddenError, InputError, NotFoundError, new_trace_id, treated
from schema.core.executor import GuardedExecutor
from schema.core.idempotency import idempotent
from schema.core.limits import Limits
from schema.core.metrics import metrics
from schema.core.preparation import Preparation
from schema.core.tracing import Traces
from schema.core.uploads import UPLOAD, Upload


class Schema(strawberry.Schema):
    """A schema whose fields are guarded by their directives; the context of every operation is a `Context`."""

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Iterable[Any] = (),
        extensions: Iterable[Any] = (),
        limits: Limits | None = None,
        tracer: Tracer | None = None,
        config: StrawberryConfig | None = None,
    ) -> None:
        """Build the schema; `types` are those that no field names, such as further kinds of a Node."""
        self.documents = Documents(limits or Limits())
        self.traces = Traces(tracer)
        super().__init__(
            query,
            mutation,
            subscription,
            types=[InputError, NotFoundError, ConflictError, ForbiddenError, *types],
            extensions=[lambda: Preparation(self.documents, self.traces), *extensions],
            directives=[idempotent],
            execution_context_class=GuardedExecutor,
            config=config or StrawberryConfig(scalar_map={Upload: UPLOAD}),
        )

    def get_extensions(self, sync: bool = False) -> list[SchemaExtension]:  # noqa: ARG002
        """Return the extensions of one operation.

        Strawberry would add one that calls operation directives on every field, at three times the cost; ours is
        heeded by the mutations themselves.
        """
        return [extension if isinstance(extension, SchemaExtension) else extension() for extension in self.extensions]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: every error is logged where it is made fit for the client."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute a query or a mutation; its errors are fit for the client."""
        span = self.traces.begin(context_value)
        try:
            with metrics.counting(context_value) as operation:
                done = await super().execute(
                    query,
                    variable_values,
                    context_value,
                    root_value,
                    operation_name,
                    allowed_operation_types,
                    operation_extensions,
                )
                operation.saw(done)
        finally:
            span.end()
        if done.errors:
            done.errors = await _shown(done.errors, context_value)
        return done

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> StreamResult:
        """Execute an operation as a stream, in a fresh context with the caller's rights as they are now.

        A websocket offers the same context to all of its operations; one that was admitted is an operation's own.
        """
        context = context_value
        if isinstance(context, Context) and not context.is_admitted:
            context = context.fresh()
        span = self.traces.begin(context)
        results = await super().stream(
            query,
            variable_values,
            context,
            root_value,
            operation_name,
            operation_extensions,
            allowed_operation_types,
        )
        return _treated(results, context, span)

    async def admit(self, query: str, variables: dict[str, Any] | None, name: str | None, context: Context) -> None:
        """Charge the caller for an operation before it is streamed; RateLimited when there is not enough left."""
        try:
            await context.admit(self.documents.price(self._schema, query, variables or {}, name))
        except RateLimited:
            metrics.limited()
            raise


async def _treated(results: StreamResult, context: object, span: Span) -> StreamResult:
    """Pass on `results` with errors that are fit for the client; an accident of the stream itself is one as well."""
    with ExitStack() as stack:
        stack.callback(span.end)
        operation = stack.enter_context(metrics.counting(context))
        stack.enter_context(metrics.streaming())
        async with aclosing(results):
            try:
                if isinstance(context, Context) and not context.is_admitted:
                    await context.renewed()
                async for each in results:
                    operation.saw(each)
                    if isinstance(each, ExecutionResult) and each.errors:
                        each.errors = await _shown(each.errors, context)
                    yield each
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
                accident = PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])
                operation.saw(accident)
                accident.errors = await _shown(accident.errors or [], context)
                yield accident


async def _shown(errors: Sequence[GraphQLError], context: object) -> list[GraphQLError]:
    """Have refusals written down, and return the errors fit for the client."""
    if not isinstance(context, Context):
        return treated(errors, new_trace_id())
    await context.note_refusals(errors)
    return treated(errors, context.trace_id)
