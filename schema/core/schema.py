"""Our schema class: Strawberry's, with permissions, limits, caches and error handling always on."""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from schema.core.context import Context
from schema.core.documents import Documents, Preparation
from schema.core.errors import ConflictError, InputError, NotFoundError, new_trace_id, treated
from schema.core.executor import GuardedExecutor
from schema.core.limits import Limits
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
        config: StrawberryConfig | None = None,
    ) -> None:
        """Build the schema; `types` are those that no field names, such as further kinds of a Node."""
        self.documents = Documents(limits or Limits())
        super().__init__(
            query,
            mutation,
            subscription,
            types=[InputError, NotFoundError, ConflictError, *types],
            extensions=[lambda: Preparation(self.documents), *extensions],
            execution_context_class=GuardedExecutor,
            config=config or StrawberryConfig(scalar_map={Upload: UPLOAD}),
        )

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
        done = await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed_operation_types,
            operation_extensions,
        )
        if done.errors:
            done.errors = treated(done.errors, _trace_id(context_value))
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
        """Execute an operation as a stream, in a fresh context: a websocket offers the same one to all of its own."""
        context = context_value.fresh() if isinstance(context_value, Context) else context_value
        results = await super().stream(
            query,
            variable_values,
            context,
            root_value,
            operation_name,
            operation_extensions,
            allowed_operation_types,
        )
        return _treated(results, _trace_id(context))


async def _treated(results: StreamResult, trace_id: str) -> StreamResult:
    """Pass on `results` with errors that are fit for the client; an accident of the stream itself is one as well."""
    async with aclosing(results):
        try:
            async for each in results:
                if isinstance(each, ExecutionResult) and each.errors:
                    each.errors = treated(each.errors, trace_id)
                yield each
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a sentence and the log the cause
            accident = GraphQLError(str(error), original_error=error)
            yield PreExecutionError(data=None, errors=treated([accident], trace_id))


def _trace_id(context: object) -> str:
    return context.trace_id if isinstance(context, Context) else new_trace_id()
