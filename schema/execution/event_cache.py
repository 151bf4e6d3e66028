"""Caches results of subscription events, so that subscribers share one execution and one serialization of an event.

The schema reads each subscriber's permissions before it asks this cache. A result is shared for the same operation,
variables and value among callers with the same `FieldAccess`. If the selection has fields other than plain
attributes, only streams of the same caller share it.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import ExecutionResult as GraphQLExecutionResult
from strawberry.types.execution import ExecutionResult

from core.concurrency.in_flight import InFlight
from models.permissions.principal import Principal
from schema.context import GraphQLContext
from schema.execution.executor import GuardedExecutor
from schema.execution.query_plan import Plan
from schema.graphql.errors import log_and_mask
from schema.transport.http import encode_json, result_body

MAX_EVENTS = 256


@dataclass
class EventResult(ExecutionResult):
    """The result of one event, shared by several subscribers."""

    _json: bytes | None = field(default=None, init=False)

    @property
    def fragment(self) -> orjson.Fragment:
        """The result as JSON, serialized once."""
        if self._json is None:
            self._json = encode_json(result_body(self.data, self.errors, self.extensions))
        return orjson.Fragment(self._json)


class EventCache:
    """The results of the latest events of one schema."""

    def __init__(self, *, max_events: int = MAX_EVENTS) -> None:
        """Cache the `max_events` latest results."""
        self.misses = self.hits = 0
        self._max_events = max_events
        self._entries: OrderedDict[Hashable, tuple[Any, EventResult]] = OrderedDict()
        self._executions: InFlight[Hashable, EventResult] = InFlight()

    async def get_or_execute(self, executor: GuardedExecutor, variables: Hashable, value: Any) -> EventResult:
        """Return the result of the executor's operation for an event with `value`."""
        context = executor.context_value
        if not isinstance(context, GraphQLContext) or context.plan is None or variables is None:
            return await _execute(executor, value)
        # The entry holds the value, so that its id() cannot be reused while it is a key.
        key = (
            context.plan,
            variables,
            context.field_access,
            _sharing_principal(context.plan, context.principal),
            id(value),
        )
        if key in self._entries:
            self.hits += 1
            return self._entries[key][1]
        if key in self._executions:
            self.hits += 1
        else:
            self.misses += 1
        return await self._executions.share(key, lambda: self._execute(key, executor, value))

    async def _execute(self, key: Hashable, executor: GuardedExecutor, value: Any) -> EventResult:
        result = await _execute(executor, value)
        self._entries[key] = (value, result)
        if len(self._entries) > self._max_events:
            self._entries.popitem(last=False)
        return result


def payload(result: Any) -> Any:
    """Return the body that a transport sends for a result; for an event's it is serialized already."""
    return (
        result.fragment
        if isinstance(result, EventResult)
        else result_body(result.data, result.errors, result.extensions)
    )


def variables_key(variables: Mapping[str, Any]) -> str | None:
    """Return a hashable form of an operation's variables; None if they cannot be serialized."""
    try:
        # Decoded, because orjson allocates four kilobytes for its bytes.
        return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return None


def _sharing_principal(plan: Plan, principal: Principal | None) -> Principal | None:
    # Resolvers may depend on the caller; plain attributes do not.
    return None if plan.has_only_attributes else principal


async def _execute(executor: GuardedExecutor, value: Any) -> EventResult:
    event = executor.build_per_event_executor(value)
    execution: Any = event.execute_operation(serially=False)
    return (
        _masked_result(event, execution)
        if isinstance(execution, GraphQLExecutionResult)
        else await _masked_result_later(event, execution)
    )


async def _masked_result_later(event: GuardedExecutor, execution: Any) -> EventResult:
    return _masked_result(event, await execution)


def _masked_result(event: GuardedExecutor, execution: GraphQLExecutionResult) -> EventResult:
    """Return a result with masked errors, under the trace of the first subscriber."""
    context = event.context_value
    trace_id = context.trace_id if isinstance(context, GraphQLContext) else ""
    return EventResult(execution.data, log_and_mask(execution.errors, trace_id) if execution.errors else None)
