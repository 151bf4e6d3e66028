"""Connections and filters over real rows, through the schema."""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

import pytest
import strawberry
from tortoise import fields
from tortoise.contrib.test import tortoise_test_context
from tortoise.expressions import Q
from tortoise.models import Model

from models.permissions.principal import Principal, PrincipalKind
from resolvers.paging.keyset import Sort, Window
from schema.context import GraphQLContext
from schema.execution.schema import Schema
from schema.graphql import node as graphql_node
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import EnumFilter, IdFilter, StringFilter, Where, filter_by, filter_by_id, where_input
from schema.graphql.permissions import public, undeclared_fields, undescribed_members
from tests.statements import counting

PRINCIPAL = Principal(PrincipalKind.USER, 1, frozenset())


class Kind(StrEnum):
    """The kind of a row."""

    ODD = "odd"
    EVEN = "even"


class Card(Model):
    """A row."""

    id = fields.IntField(primary_key=True)
    title = fields.CharField(max_length=20)
    kind = fields.CharEnumField(Kind)

    class Meta:
        table = "connection_card"


graphql_enum(Kind, "The kind.", {Kind.ODD: "Odd.", Kind.EVEN: "Even."})


class By(StrEnum):
    """Sort keys of cards."""

    TITLE = "title"


graphql_enum(By, "Sort keys of cards.", {By.TITLE: "The title."})


@strawberry.input(description="One sort key.")
class CardOrder:
    """An order of cards."""

    field: By = strawberry.field(description="What to sort by.")
    direction: Direction = strawberry.field(description="Which way.", default=Direction.ASC)


@where_input("cards")
class CardWhere(Where):
    """A filter of cards."""

    id: IdFilter | None = filter_by_id("Filter by card.", "CardType", lambda _principal: Card.all(), "id")
    title: StringFilter | None = filter_by("Filter by title.")
    kind: EnumFilter[Kind] | None = filter_by("Filter by kind.")


@strawberry.type(description="A card.")
class CardType(graphql_node.Node):
    """Shows a Card."""

    model = Card
    title: str = public(description="Its title.")
    kind: Kind = public(description="What sort.")


@strawberry.type(description="Reads.")
class Query:
    """The root."""

    @public(description="All cards.")
    async def cards(
        self,
        where: Annotated[CardWhere | None, strawberry.argument(description="Which.")] = None,
        order_by: Annotated[list[CardOrder] | None, strawberry.argument(description="The order.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CardType]:
        order = sort_keys(order_by, Sort("id", descending=True))
        condition = where.condition(PRINCIPAL) if where else Q()
        return await connect(Card.filter(condition), order, Window(first, after, last, before))


SCHEMA = Schema(Query)


@pytest.fixture(autouse=True)
async def rows() -> AsyncIterator[None]:
    async with tortoise_test_context([__name__]):
        await Card.bulk_create(
            [Card(id=n, title=f"Card {n % 3}", kind=Kind.ODD if n % 2 else Kind.EVEN) for n in range(1, 31)]
        )
        yield


async def _cards(selection: str, **variables: Any) -> Any:
    query = (
        "query($where: CardWhere, $order: [CardOrder!], $first: Int, $after: String, $last: Int, $before: String) {"
        "cards(where: $where, orderBy: $order, first: $first, after: $after, last: $last, before: $before) { %s } }"
    )
    return await SCHEMA.execute(query % selection, variables, context_value=GraphQLContext())


async def test_page_has_nodes_edges_and_page_info() -> None:
    selection = (
        "nodes { id title kind } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor }"
    )
    page = (await _cards(selection, first=2)).data["cards"]

    assert page["nodes"][0] == {"id": graphql_node.encode("CardType", 30), "title": "Card 0", "kind": "EVEN"}
    assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
    end = page["edges"][-1]["cursor"]
    assert page["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "endCursor": end}
    following = (await _cards("nodes { id }", first=1, after=end)).data["cards"]
    assert following["nodes"] == [{"id": graphql_node.encode("CardType", 28)}]


async def test_empty_page_has_no_cursors() -> None:
    page = (
        await _cards("pageInfo { startCursor endCursor hasNextPage } totalCount", where={"title": {"eq": "x"}})
    ).data

    assert page["cards"] == {
        "pageInfo": {"startCursor": None, "endCursor": None, "hasNextPage": False},
        "totalCount": 0,
    }


@pytest.mark.parametrize(("selection", "statements"), [("nodes { id }", 1), ("nodes { id } totalCount", 2)])
async def test_statement_count_is_constant(selection: str, statements: int) -> None:
    for size in (1, 30):
        with counting() as counted:
            assert (await _cards(selection, first=size)).errors is None
        assert len(counted.statements) == statements


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({"title": {"eq": "Card 0"}}, 10),
        ({"title": {"oneOf": ["Card 0", "Card 1"]}}, 20),
        ({"title": {"contains": "CARD 2"}}, 10),
        ({"title": {"contains": "%"}}, 0),
        ({"kind": {"eq": "ODD"}}, 15),
        ({"kind": {"oneOf": []}}, 0),
        ({"kind": {"eq": "ODD"}, "title": {"eq": "Card 0"}}, 5),
        ({"OR": [{"kind": {"eq": "ODD"}}, {"title": {"eq": "Card 0"}}]}, 20),
        ({"OR": []}, 30),
        ({"AND": [{"kind": {"eq": "ODD"}}, {"title": {"eq": "Card 0"}}]}, 5),
        ({"NOT": {"kind": {"eq": "ODD"}, "title": {"eq": "Card 0"}}}, 25),
        ({"NOT": {"OR": [{"kind": {"eq": "ODD"}}, {"title": {"eq": "Card 0"}}]}}, 10),
        ({"id": {"eq": graphql_node.encode("CardType", 3)}}, 1),
        ({"id": {"oneOf": [graphql_node.encode("CardType", 3), graphql_node.encode("CardType", 4)]}}, 2),
        ({}, 30),
        (None, 30),
    ],
)
async def test_conditions_combine(where: Any, count: int) -> None:
    assert (await _cards("totalCount", where=where)).data["cards"]["totalCount"] == count


@pytest.mark.parametrize(
    ("variables", "code", "path"),
    [
        ({"after": "nonsense"}, "BAD_USER_INPUT", ["after"]),
        ({"first": 101}, "BAD_USER_INPUT", ["first"]),
        ({"first": 1, "last": 1}, "BAD_USER_INPUT", ["last"]),
        ({"where": {"title": {"oneOf": ["x"] * 101}}}, "BAD_USER_INPUT", ["where"]),
        ({"where": {"NOT": {"NOT": {"NOT": {"kind": {"eq": "ODD"}}}}}}, "BAD_USER_INPUT", ["where"]),
        ({"where": {"id": {"eq": graphql_node.encode("Book", 3)}}}, "NOT_FOUND", ["where", "id", "eq"]),
    ],
)
async def test_invalid_argument_is_reported_at_its_path(variables: Any, code: str, path: list[str]) -> None:
    extensions = (await _cards("totalCount", **variables)).errors[0].extensions

    assert (extensions["code"], extensions["inputPath"]) == (code, path)


async def test_caller_can_choose_order() -> None:
    order = [{"field": "TITLE", "direction": "DESC"}]
    nodes = (await _cards("nodes { title }", order=order, last=1)).data["cards"]["nodes"]

    assert nodes == [{"title": "Card 0"}]


def test_every_field_has_permission_and_description() -> None:
    assert undeclared_fields(SCHEMA) == []
    assert undescribed_members(SCHEMA) == []
