"""The event cache: equal events share one execution, different ones never do."""

from typing import Any

import orjson
import pytest
from strawberry.types.graphql import OperationType

from models.permissions.principal import Principal
from schema.context import GraphQLContext
from schema.execution.event_cache import EventCache, payload, variables_key
from schema.execution.executor import GuardedExecutor, build_executor
from schema.execution.pipeline import GraphQLCall, PreparedCall
from tests.schema.sample_library import BOOKS, OUTSIDER, READER, BookRow, build

SCHEMA = build()
TITLE = "subscription($yes: Boolean = true) { bookRead { title @include(if: $yes) } }"
NOTES = "subscription { bookRead { notes } }"
AUTHORS = "subscription { bookRead { authors { name } } }"
OTHER = Principal(READER.kind, 9, READER.rules)


async def _executor(query: str, principal: Principal, **variables: Any) -> GuardedExecutor:
    call = GraphQLCall(query, variables, None, frozenset(OperationType))
    context = GraphQLContext(principal=principal)
    prepared = await SCHEMA._preparer.prepare(call, context)
    assert isinstance(prepared, PreparedCall), prepared
    executor = build_executor(SCHEMA._schema, prepared, call, context, None)
    assert isinstance(executor, GuardedExecutor)
    return executor


async def _ask(cache: EventCache, query: str, principal: Principal, value: Any, **variables: Any) -> Any:
    executor = await _executor(query, principal, **variables)
    return await cache.get_or_execute(executor, variables_key(variables), value)


async def test_same_event_is_executed_and_serialized_once() -> None:
    cache = EventCache()
    one = await _ask(cache, TITLE, READER, BOOKS[1])
    two = await _ask(cache, TITLE, OTHER, BOOKS[1])

    assert one is two
    assert (cache.misses, cache.hits) == (1, 1)
    assert payload(one) is not payload(two)
    assert orjson.loads(orjson.dumps(payload(one))) == {"data": {"bookRead": {"title": "Book 1"}}}


@pytest.mark.parametrize(
    ("query", "principal", "value", "variables"),
    [
        (NOTES, READER, BOOKS[1], {}),
        (TITLE, READER, BookRow(1, "Book 1", "Notes 1"), {}),
        (TITLE, READER, BOOKS[1], {"yes": False}),
    ],
    ids=["another query", "another reading of the row", "other variables"],
)
async def test_different_event_is_executed_again(query: str, principal: Principal, value: Any, variables: Any) -> None:
    cache = EventCache()
    await _ask(cache, TITLE, READER, BOOKS[1])

    await _ask(cache, query, principal, value, **variables)

    assert (cache.misses, cache.hits) == (2, 0)


async def test_resolved_fields_are_shared_only_by_same_caller() -> None:
    cache = EventCache()
    for principal in (READER, OTHER, READER):
        await _ask(cache, AUTHORS, principal, BOOKS[1])

    assert (cache.misses, cache.hits) == (2, 1)


async def test_other_permissions_get_their_own_result() -> None:
    cache = EventCache()
    executor = await _executor(NOTES, READER)
    visible = await cache.get_or_execute(executor, "", BOOKS[1])
    context = executor.context_value
    context.principal, context.field_access = OUTSIDER, context.plan.access_for(OUTSIDER)

    refused = await cache.get_or_execute(executor, "", BOOKS[1])

    assert visible.data == {"bookRead": {"notes": "Notes 1"}}
    assert refused.data is None
    assert [error.extensions["code"] for error in refused.errors] == ["FORBIDDEN"]


async def test_cache_evicts_oldest_events() -> None:
    cache = EventCache(max_events=2)
    rows = [BookRow(number, "Title", "") for number in range(5)]
    for row in rows:
        await _ask(cache, TITLE, READER, row)

    await _ask(cache, TITLE, READER, rows[0])

    assert (cache.misses, cache.hits) == (6, 0)


def test_variables_key_depends_on_values() -> None:
    assert variables_key({"a": 1, "b": [2]}) == variables_key({"b": [2], "a": 1})
    assert variables_key({"a": 1}) != variables_key({"a": "1"})
    assert variables_key({"a": 2**70}) is None
