"""Our schema class: Strawberry's types, executed with permissions, limits, caches and error handling always on."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

import strawberry
from graphql import ExecutionResult as Executed
from graphql import GraphQLError
from opentelemetry.trace import Tracer
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from core.errors import RateLimited
from schema.execution.context import Context
from schema.execution.document_cache import Documents
from schema.execution.event_cache import Answers, variables_key
from schema.execution.executor import GuardedExecutor, begun, built, executed
from schema.execution.metrics import Operation, metrics
from schema.execution.pipeline import Asked, Preparation, Ready, Refused
from schema.execution.query_limits import Limits
from schema.execution.tracing import Traces
from schema.graphql.errors import ConflictError, ForbiddenError, InputError, NotFoundError, new_trace_id, treated
from schema.graphql.idempotency import idempotent
from schema.transport.multipart import UPLOAD, Upload

REQUESTS = frozenset({OperationType.QUERY, OperationType.MUTATION})
ALL = frozenset(OperationType)
NEVER_RAN = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
Result = ExecutionResult | PreExecutionError


class Schema(strawberry.Schema):
    """A schema whose fields are guarded by their directives; the context of every operation is a `Context`.

    Operations are run by our own executor, which knows neither extensions nor middleware of Strawberry's.
    """

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Iterable[Any] = (),
        limits: Limits | None = None,
        tracer: Tracer | None = None,
        config: StrawberryConfig | None = None,
    ) -> None:
        """Build the schema; `types` are those that no field names, such as further kinds of a Node."""
        super().__init__(
            query,
            mutation,
            subscription,
            types=[InputError, NotFoundError, ConflictError, ForbiddenError, *types],
            directives=[idempotent],
            execution_context_class=GuardedExecutor,
            config=config or StrawberryConfig(scalar_map={Upload: UPLOAD}),
        )
        self.documents = Documents(limits or Limits())
        self.traces = Traces(tracer)
        self.answers = Answers()
        self._preparation = Preparation(self._schema, self.documents, self.traces)

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
        """Execute a query or a mutation; its errors are fit for the client."""
        asked = Asked(query, variable_values or {}, operation_name, allowed_operation_types or REQUESTS)
        with self._watched(context_value) as operation:
            done = await self._run(asked, context_value, root_value)
            operation.saw(done)
        return done

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
        """Execute an operation as a stream, in a fresh context with the caller's rights as they are now.

        A websocket offers the same context to all of its operations; one that was admitted is an operation's own.
        """
        context = context_value
        if isinstance(context, Context) and not context.is_admitted:
            context = context.fresh()
        asked = Asked(query, variable_values or {}, operation_name, allowed_operation_types or ALL)
        return self._treated(asked, context, root_value)

    async def admit(self, query: str, variables: dict[str, Any] | None, name: str | None, context: Context) -> None:
        """Charge the caller for an operation before it is streamed; RateLimited when there is not enough left."""
        try:
            await context.admit(self.documents.price(self._schema, query, variables or {}, name))
        except RateLimited:
            metrics.limited()
            raise

    @contextmanager
    def _watched(self, context: object) -> Iterator[Operation]:
        span = self.traces.begin(context)
        try:
            with metrics.counting(context) as operation:
                yield operation
        finally:
            span.end()

    async def _run(self, asked: Asked, context: object, root: object) -> Result:
        """Prepare and execute an operation that answers once; an accident outside every field is an error too."""
        try:
            prepared = await self._preparation.of(asked, context)
            if isinstance(prepared, Refused):
                return await _refused(self._told(prepared.cost, context), prepared.errors, context)
            return await self._done(prepared, asked, context, root)
        except NEVER_RAN:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
            return await _refused(self._told(0, context), [_accident(error)], context)

    async def _done(self, ready: Ready, asked: Asked, context: object, root: object) -> Result:
        with self.traces.step(context, "execute"):
            done = await executed(self._schema, ready, asked, context, root)
        errors = await _shown(done.errors, context) if done.errors else None
        return ExecutionResult(done.data, errors, self._told(ready.cost, context))

    async def _treated(self, asked: Asked, context: object, root: object) -> AsyncGenerator[Result, None]:
        """Yield the answers of an operation; an accident of the stream itself is the last one."""
        with self._watched(context) as operation, metrics.streaming():
            try:
                async with aclosing(self._answers(asked, context, root)) as answers:
                    async for each in answers:
                        operation.saw(each)
                        yield each
            except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
                accident = await _refused(None, [_accident(error)], context)
                operation.saw(accident)
                yield accident

    async def _answers(self, asked: Asked, context: object, root: object) -> AsyncGenerator[Result, None]:
        if isinstance(context, Context) and not context.is_admitted:
            await context.renewed()
        prepared = await self._preparation.of(asked, context)
        if isinstance(prepared, Refused):
            yield await _refused(self._told(prepared.cost, context), prepared.errors, context)
        elif not prepared.plan.streams:
            yield await self._done(prepared, asked, context, root)
        else:
            async with aclosing(self._events(prepared, asked, context, root)) as events:
                async for event in events:
                    yield event

    async def _events(self, ready: Ready, asked: Asked, context: object, root: object) -> AsyncGenerator[Result, None]:
        """Yield the answer to each event of a subscription; the first one tells the cost."""
        executor = built(self._schema, ready, asked, context, root)
        with self.traces.step(context, "execute"):
            source: Any = executor if isinstance(executor, Executed) else await begun(executor)
        told: dict[str, Any] | None = self._told(ready.cost, context)
        if isinstance(executor, Executed) or isinstance(source, Executed):
            yield await _refused(told, source.errors or [], context)
            return
        variables = variables_key(asked.variables)
        async with aclosing(source):
            async for value in source:
                answer = await self.answers.of(executor, variables, value)
                if answer.errors and isinstance(context, Context):
                    await context.note_refusals(answer.errors)
                yield replace(answer, extensions=told) if told else answer
                told = None

    def _told(self, cost: int, context: object) -> dict[str, Any]:
        """Return the cost, and what the caller has left, for `extensions`."""
        throttle = context.throttle if isinstance(context, Context) else None
        told = {"requested": cost, "limit": self.documents.limits.cost}
        return {"cost": told | {"throttle": throttle.shown() if throttle else None}}


async def _refused(extensions: dict[str, Any] | None, errors: list[GraphQLError], context: object) -> PreExecutionError:
    return PreExecutionError(None, await _shown(errors, context), extensions)


def _accident(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


async def _shown(errors: Sequence[GraphQLError], context: object) -> list[GraphQLError]:
    """Have refusals written down, and return the errors fit for the client."""
    if not isinstance(context, Context):
        return treated(errors, new_trace_id())
    await context.note_refusals(errors)
    return treated(errors, context.trace_id)
