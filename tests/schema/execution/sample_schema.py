"""A schema with every kind of field, over valid and invalid rows, to compare executors."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.info import Info

from core.errors import Conflict
from schema.context import GraphQLContext
from schema.execution.field_readers import BATCH_READER
from schema.execution.query_cost import QueryLimits
from schema.execution.schema import Schema
from schema.graphql.enums import graphql_enum
from schema.graphql.node import Node
from schema.graphql.permissions import public
from schema.graphql.scalars import SCALARS, BigInt


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


graphql_enum(Colour, "A colour.", {Colour.RED: "Red.", Colour.BLUE: "Blue."})


@dataclass
class RepeatableAwaitable:
    """An awaitable that can be awaited repeatedly."""

    value: Any

    def __await__(self) -> Generator[Any, None, Any]:
        async def wait() -> Any:
            if isinstance(self.value, Exception):
                raise self.value
            return self.value

        return wait().__await__()


@dataclass
class Row:
    """An animal; any of its values may be invalid."""

    pk: int = 1
    text: Any = "text"
    maybe: Any = None
    number: Any = 7
    ratio: Any = 0.5
    colour: Any = Colour.RED
    at: Any = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    wide: Any = 2**40
    friend_key: Any = None
    twin: Any = None
    twins: Any = field(default_factory=list)

    @property
    def broken(self) -> str:
        """Fail."""
        raise RuntimeError("the password is swordfish")


@dataclass
class Stone:
    """A row of another type."""

    text: Any = "stone"
    number: Any = 1


@dataclass
class AnimalContext(GraphQLContext):
    """The context, with all rows."""

    rows: dict[int, Row] = field(default_factory=dict)
    things: Any = field(default_factory=list)
    anything: Any = field(default_factory=list)


@dataclass
class CountingContext(AnimalContext):
    """A context that records the number of rows of each batch read."""

    reads: list[int] = field(default_factory=list)


def _friend(row: Row, context: AnimalContext) -> Any:
    key = row.friend_key
    return Conflict("It has two friends.") if key == 0 else context.rows.get(key)


def _related(value: Any, *, is_async: bool) -> dict[str, Any]:
    """Return the options of a field with a batch reader, which is asynchronous if `late`."""

    async def one(self: Any, info: Info):  # type: ignore[no-untyped-def]
        found = value(self, info.context)
        if isinstance(found, Exception):
            raise found
        return found

    def many(rows: Sequence[Any], context: AnimalContext) -> list[Any]:
        if isinstance(context, CountingContext):
            context.reads.append(len(rows))
        return [value(row, context) for row in rows]

    async def many_later(rows: Sequence[Any], context: AnimalContext) -> list[Any]:
        return many(rows, context)

    return {"resolver": one, "metadata": {BATCH_READER: many_later if is_async else many}}


def _all_friends(row: Row, context: AnimalContext) -> Any:
    found = _friend(row, context)
    return found if isinstance(found, Exception) else [found, row, found]


def _fails(_row: Row, _context: AnimalContext) -> Any:
    return RuntimeError("the password is swordfish")


@strawberry.interface(description="Has a text.")
class Texted:
    """Something with a text."""

    text: str = public(description="Text.")


@strawberry.type(description="An animal.")
class Animal(Node, Texted):
    """Shows a row."""

    model = Row
    maybe: str | None = public(description="Maybe null.")
    number: int = public(description="A number.")
    ratio: float | None = public(description="A ratio.")
    colour: Colour = public(description="A colour.")
    at: datetime | None = public(description="A moment.")
    wide: BigInt | None = public(description="Wide.")
    broken: str | None = public(description="Raises.")
    twin: "Animal | None" = public(description="A plain attribute that is an object.")
    twins: list["Animal | None"] | None = public(description="A plain attribute that is a list.")
    friend: "Animal | None" = public(description="A relation.", **_related(_friend, is_async=True))
    best: "Animal" = public(description="A relation that must be.", **_related(_friend, is_async=True))
    nearest: "Animal | None" = public(description="A relation known at once.", **_related(_friend, is_async=False))
    friends: list["Animal | None"] | None = public(description="A list.", **_related(_all_friends, is_async=True))
    flag: bool = public(description="A leaf.", **_related(lambda row, _context: row.number == 7, is_async=True))
    other: Texted | None = public(description="An interface.", **_related(_friend, is_async=True))
    failing: str | None = public(description="Fails for all.", **_related(_fails, is_async=True))

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        """Rows are animals."""
        return isinstance(obj, cls | Row)

    @public(description="Has a resolver.")
    async def later(self: Any) -> str | None:
        """Wait."""
        found: str = await RepeatableAwaitable(f"later {self.pk}")
        return found

    @public(description="Takes an argument.")
    def shout(self, times: Annotated[int, strawberry.argument(description="How often.")] = 1) -> str:
        """Shout."""
        if times < 0:
            raise Conflict("It cannot shout a negative number of times.")
        text: Any = self.text
        return str(text) * times

    @public(description="Itself.")
    def again(self) -> "Animal | None":
        """Return itself."""
        return self


@strawberry.type(description="A stone.")
class Mineral(Texted):
    """Shows a stone."""

    number: int = public(description="A number.")

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        """Stones are minerals."""
        return isinstance(obj, cls | Stone)


Anything = Annotated[Animal | Mineral, strawberry.union("Anything", description="Everything.")]


@strawberry.type(description="Reads.")
class Query:
    """The root."""

    @public(description="Animals, some of them absent.")
    def animals(self, info: Info) -> list[Animal | None] | None:
        """Return them."""
        found: Any = info.context.things
        return found  # type: ignore[no-any-return]

    @public(description="Animals, none of them absent.")
    async def herd(self, info: Info) -> list[Animal]:
        """Return them."""
        found: Any = info.context.things
        return found  # type: ignore[no-any-return]

    @public(description="Animals, or none at all.")
    def flock(self, info: Info) -> list[Animal] | None:
        """Return them."""
        found: Any = info.context.things
        return found  # type: ignore[no-any-return]

    @public(description="What has a text.")
    def texted(self, info: Info) -> list[Texted | None]:
        """Return it."""
        found: Any = info.context.anything
        return found  # type: ignore[no-any-return]

    @public(description="Anything.")
    def anything(self, info: Info) -> list[Anything | None]:
        """Return it."""
        found: Any = info.context.anything
        return found  # type: ignore[no-any-return]

    @public(description="One animal.")
    def one(self, info: Info) -> Animal | None:
        """Return it."""
        found: Any = next(iter(info.context.things), None)
        return found  # type: ignore[no-any-return]


WIDE = QueryLimits(tokens=20_000, depth=50, aliases=1_000, directives=1_000, root_fields=100, cost=10**9)
SCHEMA = Schema(Query, types=[Animal, Mineral], limits=WIDE, config=StrawberryConfig(scalar_map=SCALARS))
