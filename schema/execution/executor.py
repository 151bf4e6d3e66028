"""The executor that enforces field permissions: a refused field is null, with one error for all of its rows."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any, Self

from graphql import ExecutionResult, GraphQLObjectType, GraphQLSchema, create_source_event_stream, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.utils.await_maybe import await_maybe

from schema.context import GraphQLContext
from schema.execution.breadth_first import BreadthFirstExecutor
from schema.execution.field_readers import BatchReader, FieldReader, is_awaitable
from schema.execution.pipeline import GraphQLCall, PreparedCall
from schema.execution.query_plan import FieldAccess, FieldKey

NO_ACCESS = FieldAccess(frozenset(), {})
NO_FIELD_READERS: dict[str, FieldReader] = {}
NO_BATCH_READERS: dict[str, BatchReader] = {}
NEEDS_RESOLVER = object()
"""Marks a field that graphql-core must resolve."""


class GuardedExecutor(BreadthFirstExecutor):
    """Executes the fields that the context's `FieldAccess` allows; without one, none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._set_access(self.context_value)

    def _set_access(self, context: object) -> None:
        self._access = (context.field_access if isinstance(context, GraphQLContext) else None) or NO_ACCESS
        self._reported: set[FieldKey] = set()

    def build_per_event_executor(self, payload: Any) -> Self:
        """Build an executor with its own context for one event of a subscription."""
        executor: Self = super().build_per_event_executor(payload)  # type: ignore[assignment]
        if isinstance(self.context_value, GraphQLContext):
            executor.context_value = self.context_value.for_next_event()
        executor._set_access(executor.context_value)
        return executor

    def field_readers_of(self, kind: GraphQLObjectType) -> Mapping[str, FieldReader]:
        """Return the plain attributes of the type that the caller may read."""
        return self._access.field_readers.get(kind.name, NO_FIELD_READERS)

    def batch_readers_of(self, kind: GraphQLObjectType) -> Mapping[str, BatchReader]:
        """Return the fields of the type that the caller may read for many rows in one call."""
        return self._access.batch_readers.get(kind.name, NO_BATCH_READERS)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Execute the fields of one object: read plain attributes directly, leave the others to graphql-core."""
        readers = self.field_readers_of(parent_type)
        if not readers:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        values: dict[str, Any] = {}
        rest: GroupedFieldSet = {}
        for name, details in grouped_field_set.items():
            reader = readers.get(details[0].node.name.value)
            value = (
                NEEDS_RESOLVER
                if reader is None
                else self._read_field(reader, parent_type, source_value, path, name, details)
            )
            values[name] = value
            if value is NEEDS_RESOLVER:
                rest[name] = details
        if not rest:
            return values
        result: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        return _merge_later(values, result) if self.is_awaitable(result) else values | result

    def _read_field(
        self,
        reader: FieldReader,
        parent: GraphQLObjectType,
        source: Any,
        path: Path | None,
        name: str,
        details: FieldDetailsList,
    ) -> Any:
        try:
            value = reader.read(source)
            if self.is_awaitable(value):
                return NEEDS_RESOLVER
            return self._complete(reader, value, parent, details)
        except Exception as error:  # noqa: BLE001 - the field fails and not the operation
            field = parent.fields[details[0].node.name.value]
            self.handle_field_error(error, field.type, details, Path(path, name, parent.name))
            return None

    def _complete(self, reader: FieldReader, value: Any, parent: GraphQLObjectType, details: FieldDetailsList) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is not None:
            return self.complete_leaf_value(reader.leaf, value)
        if reader.required:
            raise TypeError(f"Cannot return null for non-nullable field {parent}.{details[0].node.name.value}.")
        return None

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Execute one field if the caller may read it."""
        key = (parent_type.name, field_details_list[0].node.name.value)
        if key in self._access.allowed:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        return self._refuse(key, parent_type, field_details_list, path)

    def _refuse(self, key: FieldKey, parent: GraphQLObjectType, details: FieldDetailsList, path: Path) -> None:
        field = self.schema.get_field(parent, key[1])
        # A nullable field is reported once for all rows. A non-null field must raise each time to null its parent.
        if field is not None and (key not in self._reported or is_non_null_type(field.type)):
            self._reported.add(key)
            self.handle_field_error(self._access.refusal(key), field.type, details, path)


async def _merge_later(values: dict[str, Any], result: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return values | await result


def build_executor(
    schema: GraphQLSchema, prepared: PreparedCall, call: GraphQLCall, context: object, root: object
) -> GuardedExecutor | ExecutionResult:
    """Return an executor of the call, or a result with errors if its variables do not fit."""
    name = prepared.plan.operation.name
    executor = GuardedExecutor.build(
        schema,
        prepared.document.tree,
        root,
        context,
        dict(call.variables),
        name.value if name else None,
        is_awaitable=is_awaitable,
    )
    return executor if isinstance(executor, GuardedExecutor) else ExecutionResult(None, executor)  # type: ignore[arg-type]


async def execute_call(
    schema: GraphQLSchema, prepared: PreparedCall, call: GraphQLCall, context: object, root: object
) -> ExecutionResult:
    """Execute a query or mutation."""
    executor = build_executor(schema, prepared, call, context, root)
    if isinstance(executor, ExecutionResult):
        return executor
    result: ExecutionResult = await await_maybe(executor.execute_operation())  # type: ignore[arg-type]
    return result


async def start_subscription(executor: GuardedExecutor) -> AsyncGenerator[Any, None] | ExecutionResult:
    """Return the values of a subscription's source, or a result with errors if it cannot start."""
    source: Any = await await_maybe(create_source_event_stream(executor))
    return source
