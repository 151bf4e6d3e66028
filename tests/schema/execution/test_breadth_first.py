"""Lists executed breadth first have the results of graphql-core's executor, for generated queries and rows."""

import asyncio
import gc
import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schema.graphql.node import encode
from tests.schema.execution.reference_executor import comparable_errors, keys, reference_result
from tests.schema.execution.sample_schema import (
    SCHEMA,
    AnimalContext,
    Colour,
    CountingContext,
    RepeatableAwaitable,
    Row,
    Stone,
)


def invalid_values() -> list[Any]:
    """Return mostly invalid values. Errors are new each time, because a traceback keeps its frames alive."""
    awaitables = [RepeatableAwaitable("late"), RepeatableAwaitable(3), RepeatableAwaitable(ValueError("late"))]
    return [None, "x", 3, 2**40, -1.5, True, ["a"], ValueError("a value that is an error"), *awaitables]


LEAVES = ["id", "text", "maybe", "number", "ratio", "colour", "at", "wide", "broken", "flag", "failing", "later"]
OBJECTS = ["twin", "twins", "friend", "best", "nearest", "friends", "again"]
ABSTRACT = ["other"]
ROOTS = {
    "animals": "Animal",
    "herd": "Animal",
    "flock": "Animal",
    "one": "Animal",
    "texted": "Texted",
    "anything": "Anything",
}
TYPE_CONDITIONS = {
    "Animal": ["Animal", "Texted"],
    "Mineral": ["Mineral", "Texted"],
    "Texted": ["Animal", "Mineral", "Texted"],
    "Anything": ["Animal", "Mineral", "Texted"],
}
USED = "used: one @skip(if: true) { a: id @skip(if: $yes) b: id @skip(if: $no) c: shout(times: $times) ...Plain }"
"""Uses every variable and fragment, but is never executed."""
CONDITIONS = [
    "",
    " @skip(if: true)",
    " @skip(if: $yes)",
    " @include(if: $yes)",
    " @include(if: $no)",
    " @skip(if: $no)",
]


@st.composite
def selections(draw: st.DrawFn, kind: str, depth: int = 3) -> str:
    """Return a selection set of an object of the type, or one of its kinds."""
    parts = [draw(selection(kind, depth)) for _ in range(draw(st.integers(1, 5)))]
    return "{ " + " ".join(parts) + " }"


@st.composite
def selection(draw: st.DrawFn, kind: str, depth: int) -> str:
    condition = draw(st.sampled_from(CONDITIONS))
    if draw(st.integers(0, 9)) == 0:
        return f"__typename{condition}"
    if depth and draw(st.integers(0, 4)) == 0:
        type_condition = draw(st.sampled_from(TYPE_CONDITIONS[kind]))
        return f"... on {type_condition}{condition} {draw(selections(type_condition, depth - 1))}"
    if kind == "Animal" and draw(st.integers(0, 6)) == 0:
        return draw(st.sampled_from(["...Plain", f"...Friendly{condition}"]))
    return draw(fields(kind, depth, condition))


@st.composite
def fields(draw: st.DrawFn, kind: str, depth: int, condition: str) -> str:
    if kind != "Animal":
        return draw(st.sampled_from({"Mineral": ["text", "number"], "Texted": ["text"]}.get(kind, ["__typename"])))
    if depth and draw(st.booleans()):
        name = draw(st.sampled_from(OBJECTS + ABSTRACT))
        inner = draw(selections("Texted" if name in ABSTRACT else "Animal", depth - 1))
        return f"{draw(alias(name))}{name}{condition} {inner}"
    if draw(st.integers(0, 7)) == 0:
        times = draw(st.sampled_from(["0", "2", "-1", "$times"]))
        return f"shout{times.strip('$-').replace('1', 'less')}: shout(times: {times}){condition}"
    name = draw(st.sampled_from(LEAVES))
    return f"{draw(alias(name))}{name}{condition}"


def alias(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", "", f"a_{name}: ", f"b_{name}: "])


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Return a document with up to three root fields."""
    names = draw(st.lists(st.sampled_from(list(ROOTS)), min_size=1, max_size=3, unique=True))
    roots = " ".join(f"{name} {draw(selections(ROOTS[name]))}" for name in names)
    fragments = (
        "fragment Plain on Animal { id number ...Friendly } fragment Friendly on Animal { maybe friend { id text } }"
    )
    return f"query Q($yes: Boolean! = true, $no: Boolean! = false, $times: Int! = 3) {{ {roots} {USED} }} {fragments}"


@st.composite
def contexts(draw: st.DrawFn) -> dict[str, Any]:
    """Return the fields of a context; most values are valid, and any may be invalid."""

    def value(*valid: Any) -> Any:
        return draw(st.sampled_from([*valid * 8, *invalid_values()]))

    rows = {
        number: Row(
            pk=number,
            text=value("a", "b"),
            maybe=value(None, "m"),
            number=value(7, -8),
            ratio=value(0.25, None, 3),
            colour=value(Colour.RED, Colour.BLUE),
            at=value(datetime(2026, 1, 2, tzinfo=UTC), None),
            wide=value(2**50, None),
            friend_key=draw(st.sampled_from([None, 0, 1, 1, 2, 2, 3, 3])),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    }
    animals = list(rows.values())
    for row in animals:
        row.twin = draw(st.sampled_from([None, *animals * 3, Stone(), RepeatableAwaitable(animals[0])]))
        row.twins = draw(
            st.lists(st.sampled_from([*animals * 4, None, RepeatableAwaitable(animals[0]), KeyError("k")]), max_size=3)
        )
    items = [
        *animals * 5,
        None,
        Stone(),
        RepeatableAwaitable(animals[0]),
        RepeatableAwaitable(ValueError("late")),
        ValueError("item"),
    ]
    things = draw(st.lists(st.sampled_from(animals if draw(st.booleans()) else items), max_size=5))
    anything = draw(st.lists(st.sampled_from([*items, *[Stone()] * 5]), max_size=5))
    return {"rows": rows, "things": draw(st.sampled_from([things, tuple(things)])), "anything": anything}


VARIABLES = {"yes": True, "no": False}


async def _assert_equal_results(query: str, context: dict[str, Any]) -> None:
    expected = await reference_result(SCHEMA, query, VARIABLES, AnimalContext(**context))
    actual = await SCHEMA.execute(query, dict(VARIABLES), AnimalContext(**context))

    assert json.dumps(actual.data) == json.dumps(expected.data)
    assert list(keys(actual.data)) == list(keys(expected.data))
    codes = {(path, code) for path, _, code in comparable_errors(expected.data, expected.errors)}
    assert {(path, code) for path, _, code in comparable_errors(actual.data, actual.errors)} == codes
    await _finish_background_tasks()


async def _finish_background_tasks() -> None:
    # Background tasks that are pending at the end of the loop would remain unawaited.
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


@pytest.fixture
def ignore_unawaited() -> Iterator[None]:
    """Ignore warnings about awaitables that graphql-core leaves unawaited after an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was never awaited")
        yield
        gc.collect()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries(), context=contexts())
def test_results_equal_graphql_core_for_any_query(ignore_unawaited: None, query: str, context: dict[str, Any]) -> None:
    assume(not validate(SCHEMA._schema, parse(query)))
    asyncio.run(_assert_equal_results(query, context))


async def _ask(query: str, context: AnimalContext) -> Any:
    result = await SCHEMA.execute(query, {}, context)
    assert result.errors is None
    return result.data


async def test_each_level_reads_relations_in_one_call() -> None:
    rows = {number: Row(pk=number, friend_key=number % 3 + 1) for number in range(1, 31)}
    context = CountingContext(rows=rows, things=list(rows.values()))

    data = await _ask("{ animals { id friend { id friend { text nearest { id } } } } }", context)

    assert data["animals"][4] == {
        "id": encode("Animal", 5),
        "friend": {"id": encode("Animal", 3), "friend": {"text": "text", "nearest": {"id": encode("Animal", 2)}}},
    }
    assert context.reads == [30, 30, 30]


async def test_fields_keep_the_order_of_the_query() -> None:
    rows = {1: Row(friend_key=1)}
    query = "{ animals { later ... on Texted { text } friend { colour id } a_id: id flag shout } }"

    data = await _ask(query, AnimalContext(rows=rows, things=list(rows.values())))

    assert list(data["animals"][0]) == ["later", "text", "friend", "a_id", "flag", "shout"]
    assert list(data["animals"][0]["friend"]) == ["colour", "id"]


async def test_error_affects_only_its_own_row() -> None:
    rows = {1: Row(pk=1), 2: Row(pk=2, text=None), 3: Row(pk=3, number="x")}

    result = await SCHEMA.execute(
        "{ animals { id text number } }", {}, AnimalContext(rows=rows, things=list(rows.values()))
    )

    assert result.data == {"animals": [{"id": encode("Animal", 1), "text": "text", "number": 7}, None, None]}
    assert [each.path for each in result.errors or ()] == [["animals", 1, "text"], ["animals", 2, "number"]]


async def test_cancellation_cancels_pending_reads() -> None:
    cancelled = asyncio.Event()

    class Hanging(Row):
        def __init__(self) -> None:
            super().__init__(maybe=_Endless(cancelled))

    running = asyncio.create_task(
        SCHEMA.execute("{ animals { id maybe later } }", {}, AnimalContext(things=[Hanging()] * 2))
    )
    await asyncio.sleep(0.01)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert cancelled.is_set()


class _Endless:
    """An awaitable that never finishes, and records its cancellation."""

    def __init__(self, cancelled: asyncio.Event) -> None:
        self._cancelled = cancelled

    def __await__(self) -> Any:
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self._cancelled.set()

        return wait().__await__()
