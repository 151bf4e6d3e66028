"""The executor that refuses: a field outside the operation's clearance is null, with one error."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any, Self

from graphql import ExecutionResult, GraphQLObjectType, GraphQLSchema, create_source_event_stream, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.utils.await_maybe import await_maybe

from schema.execution.awaitables import is_promise
from schema.execution.breadth_first import BreadthFirst
from schema.execution.context import Context
from schema.execution.field_readers import Lane, ReadMany
from schema.execution.pipeline import Asked, Ready
from schema.execution.query_plan import Clearance, Key

NOTHING = Clearance(frozenset(), {})
NO_LANES: dict[str, Lane] = {}
NO_MANY: dict[str, ReadMany] = {}
LATER = object()
"""Stands for the value of a field that takes the long way."""


class GuardedExecutor(BreadthFirst):
    """Executes what the context's clearance allows; without a clearance, nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clear(self.context_value)

    def _clear(self, context: object) -> None:
        self._clearance = (context.clearance if isinstance(context, Context) else None) or NOTHING
        self._told: set[Key] = set()

    def build_per_event_executor(self, payload: Any) -> Self:
        """Give each event of a subscription its own context."""
        executor: Self = super().build_per_event_executor(payload)  # type: ignore[assignment]
        if isinstance(self.context_value, Context):
            executor.context_value = self.context_value.next_event()
        executor._clear(executor.context_value)
        return executor

    def lanes_of(self, kind: GraphQLObjectType) -> Mapping[str, Lane]:
        """Return the plain attributes of the type that the caller may read."""
        return self._clearance.lanes.get(kind.name, NO_LANES)

    def many_of(self, kind: GraphQLObjectType) -> Mapping[str, ReadMany]:
        """Return the fields of the type that the caller may read for many rows at once."""
        return self._clearance.many.get(kind.name, NO_MANY)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Execute the fields of one object: plain attributes at once, the others as graphql-core does."""
        lanes = self.lanes_of(parent_type)
        if not lanes:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        values: dict[str, Any] = {}
        rest: GroupedFieldSet = {}
        for name, details in grouped_field_set.items():
            lane = lanes.get(details[0].node.name.value)
            value = LATER if lane is None else self._read(lane, parent_type, source_value, path, name, details)
            values[name] = value
            if value is LATER:
                rest[name] = details
        if not rest:
            return values
        done: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        return _joined_later(values, done) if self.is_awaitable(done) else values | done

    def _read(
        self,
        lane: Lane,
        parent: GraphQLObjectType,
        source: Any,
        path: Path | None,
        name: str,
        details: FieldDetailsList,
    ) -> Any:
        try:
            value = lane.read(source)
            if self.is_awaitable(value):
                return LATER
            return self._complete(lane, value, parent, details)
        except Exception as error:  # noqa: BLE001 - the field fails and not the operation
            field = parent.fields[details[0].node.name.value]
            self.handle_field_error(error, field.type, details, Path(path, name, parent.name))
            return None

    def _complete(self, lane: Lane, value: Any, parent: GraphQLObjectType, details: FieldDetailsList) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is not None:
            return self.complete_leaf_value(lane.leaf, value)
        if lane.required:
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
        """Execute one field, if it is allowed."""
        key = (parent_type.name, field_details_list[0].node.name.value)
        if key in self._clearance.allowed:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        return self._refuse(key, parent_type, field_details_list, path)

    def _refuse(self, key: Key, parent: GraphQLObjectType, details: FieldDetailsList, path: Path) -> None:
        field = self.schema.get_field(parent, key[1])
        if field is not None and (key not in self._told or is_non_null_type(field.type)):
            self._told.add(key)
            self.handle_field_error(self._clearance.refusal(key), field.type, details, path)


async def _joined_later(values: dict[str, Any], done: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return values | await done


def built(
    schema: GraphQLSchema, ready: Ready, asked: Asked, context: object, root: object
) -> GuardedExecutor | ExecutionResult:
    """Return an executor of the operation; a result with errors when its variables are not what it takes."""
    name = ready.plan.operation.name
    made = GuardedExecutor.build(
        schema,
        ready.document.tree,
        root,
        context,
        dict(asked.variables),
        name.value if name else None,
        is_awaitable=is_promise,
    )
    return made if isinstance(made, GuardedExecutor) else ExecutionResult(None, made)  # type: ignore[arg-type]


async def executed(schema: GraphQLSchema, ready: Ready, asked: Asked, context: object, root: object) -> ExecutionResult:
    """Execute an operation that answers once."""
    executor = built(schema, ready, asked, context, root)
    if isinstance(executor, ExecutionResult):
        return executor
    done: ExecutionResult = await await_maybe(executor.execute_operation())  # type: ignore[arg-type]
    return done


async def begun(executor: GuardedExecutor) -> AsyncGenerator[Any, None] | ExecutionResult:
    """Return the values of a subscription's source; a result with errors when it cannot begin."""
    source: Any = await await_maybe(create_source_event_stream(executor))
    return source
