"""A small schema of a library with every feature of `schema.graphql`, for tests of the schema's machinery."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from strawberry.types.info import Info

from core.errors import BadInput, Conflict, RateLimited
from models.accounts.roles import PermissionVerb, Resource, Rule, Scope
from models.permissions.principal import Principal, PrincipalKind
from schema.context import GraphQLContext
from schema.execution.query_cost import Cost
from schema.execution.schema import Schema
from schema.graphql.errors import Payload, errors_in_payload
from schema.graphql.node import Node, NodeQueries, readers
from schema.graphql.permissions import live_subscription, public, requires
from schema.transport.multipart import Upload

READER = Principal(PrincipalKind.USER, 1, frozenset({Rule(Resource.SESSION, PermissionVerb.VIEW, Scope.OWN)}))
OUTSIDER = Principal(PrincipalKind.USER, 2, frozenset())


@dataclass
class BookRow:
    """A row like those of the ORM."""

    pk: int
    title: str
    notes: str
    raw: str = "raw"


@dataclass
class PersonRow:
    """A row of another type."""

    pk: int
    name: str
    notes: str


BOOKS = {number: BookRow(number, f"Book {number}", f"Notes {number}") for number in range(1, 31)}
PEOPLE = {1: PersonRow(1, "Ada", "Met in London")}


@strawberry.type(description="A book.")
class Book(Node):
    """Shows a BookRow."""

    model = BookRow
    title: str = public(description="Its title.")
    notes: str | None = requires(Resource.SESSION, PermissionVerb.VIEW, description="What readers wrote.")
    price: str | None = requires(
        Resource.SESSION, PermissionVerb.EDIT, description="Never shown.", resolver=lambda: "1 crown"
    )
    cover: str = requires(Resource.SESSION, PermissionVerb.VIEW, description="A guarded one that is not nullable.")
    raw: str | None = strawberry.field(description="Declares no permission.", default=None)

    @public(description="Its authors.", directives=[Cost(size=3)])
    def authors(self) -> list["Person"]:
        return [PEOPLE[1]]  # type: ignore[list-item]


@strawberry.type(description="A person.")
class Person(Node):
    """Shows a PersonRow."""

    model = PersonRow
    name: str = public(description="The name.")
    notes: str | None = requires(Resource.SESSION, PermissionVerb.EDIT, description="What we know.")


Found = Annotated[Book | Person, strawberry.union("Found", description="Something found.")]


@readers.register("Book")
async def _books(context: GraphQLContext, pks: Sequence[int]) -> dict[int, Any]:
    return {pk: BOOKS[pk] for pk in pks if pk in BOOKS}


@readers.register("Person")
async def _people(context: GraphQLContext, pks: Sequence[int]) -> dict[int, Any]:
    return {pk: PEOPLE[pk] for pk in pks if pk in PEOPLE}


@strawberry.type(description="Reads.")
class Query(NodeQueries):
    """The root of reads."""

    @public(description="Says hello.")
    def hello(self) -> str:
        return "world"

    @public(description="Returns its argument.")
    def echo(self, text: Annotated[str | None, strawberry.argument(description="What to say.")] = None) -> str | None:
        return text

    @public(description="Books.")
    def books(self, first: Annotated[int | None, strawberry.argument(description="How many.")] = None) -> list[Book]:
        return list(BOOKS.values())[: 20 if first is None else first]  # type: ignore[arg-type]

    @requires(Resource.SESSION, PermissionVerb.VIEW, description="For those who may see sessions.")
    def secret(self) -> str | None:
        return "the secret"

    @public(description="Everything.")
    def search(self) -> list[Found]:
        return [BOOKS[1], PEOPLE[1]]  # type: ignore[list-item]

    @public(description="Fails with an internal error.")
    def boom(self) -> str | None:
        raise RuntimeError("the password is swordfish")

    @public(description="Fails with an expected error.")
    def busy(self) -> str | None:
        raise RateLimited(retry_after=7)


@strawberry.type(description="The answer to bookRename.")
class BookRenamePayload(Payload):
    """A book or errors."""

    book: Book | None = public(description="The book.", default=None)


@strawberry.type(description="Writes.")
class Mutation:
    """The root of writes."""

    @requires(Resource.SESSION, PermissionVerb.VIEW, description="Renames a book.")
    @errors_in_payload(BookRenamePayload)
    async def book_rename(
        self, title: Annotated[str, strawberry.argument(description="The new title.")]
    ) -> BookRenamePayload:
        if not title:
            raise BadInput("A title needs at least one letter.", path=("title",))
        if title == "taken":
            raise Conflict
        if title == "boom":
            raise RuntimeError("the password is swordfish")
        return BookRenamePayload(book=BookRow(1, title, ""))  # type: ignore[arg-type]

    @public(description="Counts the bytes of a file.")
    async def measure(self, file: Annotated[Upload, strawberry.argument(description="The file.")]) -> int | None:
        return len(await file.read())


@strawberry.type(description="Streams.")
class Subscription:
    """The root of streams."""

    @strawberry.subscription(description="Counts.", directives=[])
    async def undeclared(self) -> AsyncIterator[int]:
        yield 1

    @live_subscription(Resource.SESSION, PermissionVerb.VIEW, description="Counts up to a number.")
    async def count(
        self, info: Info, to: Annotated[int, strawberry.argument(description="Where to stop.")] = 3
    ) -> AsyncIterator[int]:
        for number in range(1, to + 1):
            yield number

    @live_subscription(Resource.SESSION, PermissionVerb.VIEW, description="Never ends.")
    async def endless(self) -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    @live_subscription(Resource.SESSION, PermissionVerb.VIEW, description="A book at each event.")
    async def book_read(self) -> AsyncIterator[Book]:
        yield BOOKS[1]  # type: ignore[misc]

    @live_subscription(Resource.SESSION, PermissionVerb.VIEW, description="Breaks after one.")
    async def broken(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("the password is swordfish")

    @live_subscription(Resource.SESSION, PermissionVerb.EDIT, description="Refused to readers.")
    async def denied(self) -> AsyncIterator[int]:
        yield 1


def build(**options: Any) -> Schema:
    """Return a new schema."""
    return Schema(Query, Mutation, Subscription, types=[Person], **options)
