"""Fast readers of plain attributes give the same results as graphql-core."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

import pytest
import strawberry

from schema.context import GraphQLContext
from schema.execution.schema import Schema
from schema.graphql.enums import graphql_enum
from schema.graphql.node import Node
from schema.graphql.permissions import public
from tests.schema.execution.reference_executor import Run, comparable_errors, reference_result


class Colour(StrEnum):
    """A colour."""

    RED = "red"


graphql_enum(Colour, "A colour.", {Colour.RED: "Red."})


async def _eventually() -> str:
    return "eventually"


@dataclass
class Row:
    """A row with valid and invalid values."""

    pk: int = 1
    text: Any = "text"
    maybe: Any = None
    number: Any = 7
    colour: Any = Colour.RED
    wide: Any = field(default=2**40)

    @property
    def broken(self) -> str:
        raise RuntimeError("the password is swordfish")

    @property
    def failed(self) -> Exception:
        return ValueError("a value that is an error")


@strawberry.interface(description="Has a text.")
class Texted:
    """Something with a text."""

    text: str = public(description="Text.")


@strawberry.type(description="A thing.")
class Thing(Node, Texted):
    """Shows a row."""

    model = Row
    maybe: str | None = public(description="Null.")
    number: int = public(description="A number.")
    colour: Colour = public(description="A colour.")
    wide: int | None = public(description="Too wide for Int.")
    broken: str | None = public(description="Raises.")
    failed: str | None = public(description="Is an error.")

    @public(description="Has a resolver.")
    async def later(self) -> str:
        return await _eventually()

    @public(description="Itself.")
    def again(self) -> "Thing | None":
        return self


@strawberry.type(description="Reads.")
class Query:
    """The root."""

    @public(description="Things.")
    def things(self) -> list[Thing | None]:
        return [Row(), Row(pk=2, text=None), Row(pk=3, number=None), Row(pk=4, number="x")]  # type: ignore[list-item]

    @public(description="With an awaitable value.")
    async def waited(self) -> Thing | None:
        return Row(text=asyncio.ensure_future(_eventually()))  # type: ignore[return-value]

    @public(description="By interface.")
    def texted(self) -> list[Texted]:
        return [Row(), Row(pk=2)]  # type: ignore[list-item]


SCHEMA = Schema(Query, types=[Thing])
VARIABLES = {"yes": True}


async def _run(query: str, run: Run = SCHEMA.execute) -> Any:
    result = await run(query, dict(VARIABLES), GraphQLContext())
    return result.data, sorted(comparable_errors(result.data, result.errors), key=str)


QUERIES = [
    "{ things { id } }",
    "{ things { id text } }",
    "{ things { maybe number colour } }",
    "{ things { later a: maybe b: id c: later d: colour } }",
    "{ things { __typename id ...F } } fragment F on Thing { maybe ...G } fragment G on Thing { colour later }",
    "{ texted { text ... on Thing { number again { id again { text later } } } } }",
    "{ things { wide } }",
    "{ things { broken id } }",
    "{ things { failed later } }",
    "query($yes: Boolean!) { things { id @skip(if: $yes) maybe @include(if: $yes) colour } }",
    "{ things { again { text } } }",
    "{ things { id id maybe id again { id } again { colour } } }",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_field_readers_equal_graphql_core(query: str) -> None:
    data, errors = await _run(query)

    assert (data, [(path, code) for path, _, code in errors]) == await _expected(query)


async def _expected(query: str) -> Any:
    data, errors = await _run(query, partial(reference_result, SCHEMA))
    return data, [(path, code) for path, _, code in errors]


async def test_fields_keep_the_order_of_the_query() -> None:
    data, _ = await _run("{ texted { ... on Thing { later id again { id } colour } } }")

    assert list(data["texted"][0]) == ["later", "id", "again", "colour"]


async def test_awaitable_attribute_is_awaited() -> None:
    data, errors = await _run("{ waited { text colour } }")

    assert data == {"waited": {"text": "eventually", "colour": "RED"}}
    assert errors == []
