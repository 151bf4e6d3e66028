"""Relay connections: pages of rows with cursors, for lists of unbounded length."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

import strawberry
from strawberry import Private
from tortoise.models import Model
from tortoise.queryset import QuerySet

from resolvers.paging.counts import MAX_COUNT, count_up_to
from resolvers.paging.keyset import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Page, Sort, Window, page
from schema.graphql.enums import graphql_enum
from schema.graphql.permissions import public

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"The number of objects from the start, 0 to {MAX_PAGE_SIZE}. The default is {DEFAULT_PAGE_SIZE}."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Return only objects after this cursor.")]
Last = Annotated[
    int | None, strawberry.argument(description=f"The number of objects from the end, 0 to {MAX_PAGE_SIZE}.")
]
Before = Annotated[str | None, strawberry.argument(description="Return only objects before this cursor.")]


class Direction(StrEnum):
    """The sort direction."""

    ASC = "asc"
    DESC = "desc"


graphql_enum(
    Direction,
    "The sort direction.",
    {
        Direction.ASC: "Smallest or oldest first. Objects without a value come last.",
        Direction.DESC: "Largest or newest first. Objects without a value come first.",
    },
)


class Order(Protocol):
    """One entry of an `orderBy` argument: an enum of columns, whose values are the columns' names, and a direction."""

    @property
    def field(self) -> StrEnum:
        """The column to sort by."""

    @property
    def direction(self) -> Direction:
        """The sort direction."""


def sort_keys(order_by: Sequence[Order] | None, *default: Sort) -> Sequence[Sort]:
    """Return the sort keys of an `orderBy` argument, or `default` if it is empty."""
    return [Sort(each.field.value, each.direction is Direction.DESC) for each in order_by or ()] or default


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    """The Relay page info."""

    has_next_page: bool = public(description="Whether more objects follow this page.")
    has_previous_page: bool = public(description="Whether objects precede this page.")
    start_cursor: str | None = public(description="The cursor of the first object. Null on an empty page.")
    end_cursor: str | None = public(description="The cursor of the last object. Null on an empty page.")


@strawberry.type(description="An object of a page with its cursor.")
class Edge(Generic[T]):
    """A row with its cursor."""

    page: Private[Page[Any]]
    node: T = public(description="The object.")

    @public(description="The opaque cursor of the object in this list and sort order.")
    def cursor(self) -> str:
        """Return the cursor of the row."""
        return self.page.cursor(self.node)


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """The Relay connection, with `nodes` as a shortcut."""

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

    @public(description="The position of this page in the list.")
    def page_info(self) -> PageInfo:
        """Return the Relay page info."""
        rows = self.page.rows
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=self.page.cursor(rows[0]) if rows else None,
            end_cursor=self.page.cursor(rows[-1]) if rows else None,
        )

    @public(description=f"The number of objects on all pages, count_up_to up to {MAX_COUNT}.")
    async def total_count(self) -> int | None:
        """Count with one statement, only when the field is requested."""
        return await self.count()


M = TypeVar("M", bound=Model)


async def connect(rows: QuerySet[M], order: Sequence[Sort], window: Window) -> Connection[Any]:
    """Read one page of `rows` for a connection field."""
    return Connection(page=await page(rows, order, window), count=lambda: count_up_to(rows))
