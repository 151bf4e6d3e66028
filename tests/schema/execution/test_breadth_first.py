"""Lists that are read breadth first answer as graphql-core's own executor does, whatever is asked of whatever rows."""

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
from tests.schema.execution.reference_executor import by_the_book, faults, keys
from tests.schema.execution.sample_schema import SCHEMA, Colour, Counted, Later, Row, Stone, Zoo


def odd() -> list[Any]:
    """Return values that are mostly wrong; errors are new ones, since they keep what failed alive."""
    late = [Later("late"), Later(3), Later(ValueError("late"))]
    return [None, "x", 3, 2**40, -1.5, True, ["a"], ValueError("a value that is an error"), *late]


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
WITHIN = {
    "Animal": ["Animal", "Texted"],
    "Mineral": ["Mineral", "Texted"],
    "Texted": ["Animal", "Mineral", "Texted"],
    "Anything": ["Animal", "Mineral", "Texted"],
}
USED = "used: one @skip(if: true) { a: id @skip(if: $yes) b: id @skip(if: $no) c: shout(times: $times) ...Plain }"
"""Uses every variable and fragment, and is never executed."""
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
        within = draw(st.sampled_from(WITHIN[kind]))
        return f"... on {within}{condition} {draw(selections(within, depth - 1))}"
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
def zoos(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a zoo is made of; most values are right, and every one may be wrong."""

    def value(*right: Any) -> Any:
        return draw(st.sampled_from([*right * 8, *odd()]))

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
        row.twin = draw(st.sampled_from([None, *animals * 3, Stone(), Later(animals[0])]))
        row.twins = draw(st.lists(st.sampled_from([*animals * 4, None, Later(animals[0]), KeyError("k")]), max_size=3))
    items = [*animals * 5, None, Stone(), Later(animals[0]), Later(ValueError("late")), ValueError("item")]
    things = draw(st.lists(st.sampled_from(animals if draw(st.booleans()) else items), max_size=5))
    anything = draw(st.lists(st.sampled_from([*items, *[Stone()] * 5]), max_size=5))
    return {"rows": rows, "things": draw(st.sampled_from([things, tuple(things)])), "anything": anything}


VARIABLES = {"yes": True, "no": False}


async def _agree(query: str, zoo: dict[str, Any]) -> None:
    theirs = await by_the_book(SCHEMA, query, VARIABLES, Zoo(**zoo))
    ours = await SCHEMA.execute(query, dict(VARIABLES), Zoo(**zoo))

    assert json.dumps(ours.data) == json.dumps(theirs.data)
    assert list(keys(ours.data)) == list(keys(theirs.data))
    codes = {(path, code) for path, _, code in faults(theirs.data, theirs.errors)}
    assert {(path, code) for path, _, code in faults(ours.data, ours.errors)} == codes
    await _rest()


async def _rest() -> None:
    """Let what is settled in the background come to its end; the end of the loop would leave it unawaited."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


@pytest.fixture
def oracle() -> Iterator[None]:
    """Let graphql-core leave the siblings of what failed unawaited; that is the oracle's own affair."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was never awaited")
        yield
        gc.collect()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries(), zoo=zoos())
def test_whatever_is_asked_the_answers_agree(oracle: None, query: str, zoo: dict[str, Any]) -> None:
    assume(not validate(SCHEMA._schema, parse(query)))
    asyncio.run(_agree(query, zoo))


async def _ask(query: str, zoo: Zoo) -> Any:
    done = await SCHEMA.execute(query, {}, zoo)
    assert done.errors is None
    return done.data


async def test_relations_of_all_rows_are_read_by_one_call_at_each_level() -> None:
    rows = {number: Row(pk=number, friend_key=number % 3 + 1) for number in range(1, 31)}
    zoo = Counted(rows=rows, things=list(rows.values()))

    data = await _ask("{ animals { id friend { id friend { text nearest { id } } } } }", zoo)

    assert data["animals"][4] == {
        "id": encode("Animal", 5),
        "friend": {"id": encode("Animal", 3), "friend": {"text": "text", "nearest": {"id": encode("Animal", 2)}}},
    }
    assert zoo.reads == [30, 30, 30]


async def test_the_order_of_fields_is_that_of_the_query() -> None:
    rows = {1: Row(friend_key=1)}
    query = "{ animals { later ... on Texted { text } friend { colour id } a_id: id flag shout } }"

    data = await _ask(query, Zoo(rows=rows, things=list(rows.values())))

    assert list(data["animals"][0]) == ["later", "text", "friend", "a_id", "flag", "shout"]
    assert list(data["animals"][0]["friend"]) == ["colour", "id"]


async def test_an_error_of_one_row_is_that_rows_alone() -> None:
    rows = {1: Row(pk=1), 2: Row(pk=2, text=None), 3: Row(pk=3, number="x")}

    done = await SCHEMA.execute("{ animals { id text number } }", {}, Zoo(rows=rows, things=list(rows.values())))

    assert done.data == {"animals": [{"id": encode("Animal", 1), "text": "text", "number": 7}, None, None]}
    assert [each.path for each in done.errors or ()] == [["animals", 1, "text"], ["animals", 2, "number"]]


async def test_a_stream_that_is_cancelled_takes_its_reads_along() -> None:
    gone = asyncio.Event()

    class Hanging(Row):
        def __init__(self) -> None:
            super().__init__(maybe=_Endless(gone))

    running = asyncio.create_task(SCHEMA.execute("{ animals { id maybe later } }", {}, Zoo(things=[Hanging()] * 2)))
    await asyncio.sleep(0.01)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert gone.is_set()


class _Endless:
    """A promise that is never kept, and notes when it is given up."""

    def __init__(self, gone: asyncio.Event) -> None:
        self._gone = gone

    def __await__(self) -> Any:
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self._gone.set()

        return wait().__await__()
