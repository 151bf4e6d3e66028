"""Connections: pages of rows with cursors, for lists that may grow without end."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

import strawberry
from strawberry import Private
from tortoise.models import Model
from tortoise.queryset import QuerySet

from resolvers.paging.counts import MOST_COUNTED, counted
from resolvers.paging.keyset import Page, Sort, Window, page
from schema.graphql.enums import expose
from schema.graphql.permissions import public

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many from the start, 0 to 100; 20 if not said.")]
After = Annotated[str | None, strawberry.argument(description="Only those after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 0 to 100.")]
Before = Annotated[str | None, strawberry.argument(description="Only those before this cursor.")]


class Direction(StrEnum):
    """Which end of an order comes first."""

    ASC = "asc"
    DESC = "desc"


expose(
    Direction,
    "Which end of an order comes first.",
    {
        Direction.ASC: "The smallest or oldest first; those without a value last.",
        Direction.DESC: "The largest or newest first; those without a value before all.",
    },
)


class Order(Protocol):
    """One entry of an `orderBy` argument: an enum of columns, whose values are the columns' names, and a direction."""

    @property
    def field(self) -> StrEnum:
        """The column to sort by."""

    @property
    def direction(self) -> Direction:
        """Its direction."""


def sorts(given: Sequence[Order] | None, *default: Sort) -> Sequence[Sort]:
    """Return the order that the caller gave, else `default`."""
    return [Sort(each.field.value, each.direction is Direction.DESC) for each in given or ()] or default


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """The Relay page info."""

    has_next_page: bool = public(description="Whether more follow after this page.")
    has_previous_page: bool = public(description="Whether some come before this page.")
    start_cursor: str | None = public(description="The cursor of the first one; null on an empty page.")
    end_cursor: str | None = public(description="The cursor of the last one; null on an empty page.")


@strawberry.type(description="One entry of a page.")
class Edge(Generic[T]):
    """A row and its cursor."""

    page: Private[Page[Any]]
    node: T = public(description="The object.")

    @public(description="The opaque place of the object in this list in this order.")
    def cursor(self) -> str:
        """Return the cursor of the row."""
        return self.page.cursor(self.node)


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """The Relay connection, with `nodes` as a short cut."""

    page: Private[Page[Any]]
    count: Private[Callable[[], Awaitable[int]]]

    @public(description="The objects of this page.")
    def nodes(self) -> list[T]:
        """Return the rows themselves."""
        return self.page.rows

    @public(description="The objects of this page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        """Return the rows with cursors."""
        return [Edge(page=self.page, node=row) for row in self.page.rows]

    @public(description="Where this page lies in the list.")
    def page_info(self) -> PageInfo:
        """Return what Relay wants to know."""
        rows = self.page.rows
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=self.page.cursor(rows[0]) if rows else None,
            end_cursor=self.page.cursor(rows[-1]) if rows else None,
        )

    @public(description=f"How many there are on all pages, at most {MOST_COUNTED}; counted only when asked for.")
    async def total_count(self) -> int | None:
        """Count with one statement."""
        return await self.count()


M = TypeVar("M", bound=Model)


async def connect(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> Connection[Any]:
    """Read one page of `rows` for a connection field."""
    return Connection(page=await page(rows, order, window), count=lambda: counted(rows))
