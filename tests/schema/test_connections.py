"""Every connection of the schema supports the same paging and filters. The tests are generated from the schema."""

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_non_null_type,
)

from models.data.datasessions import Datasession
from models.sessions.regions import Region
from schema.graphql.node import encode
from schema.root import schema
from tests.schema.served import Served
from tests.schema.steps import queued_operation, queued_session, ready_image

PAGE = "nodes { __typename } edges { cursor node { __typename } } totalCount"
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
TOGETHER = """mutation($ids: [ID!]!) {
  collaborationCreate(input: {name: "First", organizationIds: $ids}) { collaboration { id } errors { message } }
}"""
TREE = {"AND", "OR", "NOT"}


def _connections() -> list[tuple[str, str, GraphQLField]]:
    found = []
    for kind in schema._schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            found += [
                (kind.name, name, field)
                for name, field in kind.fields.items()
                if get_named_type(field.type).name.endswith("Connection")
            ]
    return sorted(found, key=lambda each: each[:2])


CONNECTIONS = _connections()
NAMES = [f"{kind}.{name}" for kind, name, _ in CONNECTIONS]
each_connection = pytest.mark.parametrize(("kind", "name", "field"), CONNECTIONS, ids=NAMES)


async def _fill(served: Served) -> str:
    """Create two of every listed object, and return the ID of the workstation."""
    first = await ready_image(served, "ada", "First")
    await ready_image(served, "ada", "Second")
    await queued_session(served, "ada", first)
    await queued_session(served, "eve", first)
    assert await Region.all().count()
    for name in ("First", "Second"):
        await queued_operation(served, "ada", name)
    return encode("Workstation", first.workstation_id)


async def _datasession() -> str:
    return encode("Datasession", (await Datasession.all().first().values("id"))["id"])


async def _holders(served: Served) -> dict[str, str]:
    """Return for each type with a connection a selection of one object."""
    workstation = await _fill(served)
    made = await served.ask(
        "olive", 'mutation { organizationCreate(name: "House") { organization { id } errors { message } } }'
    )
    organization = made["data"]["organizationCreate"]["organization"]["id"]
    founded = await served.ask("olive", TOGETHER, ids=[organization])
    collaboration = founded["data"]["collaborationCreate"]["collaboration"]["id"]
    return {
        "Query": "%s",
        "Viewer": "viewer { %s }",
        "Collaboration": f'node(id: "{collaboration}") {{ ... on Collaboration {{ %s }} }}',
        "Datasession": f'node(id: "{await _datasession()}") {{ ... on Datasession {{ %s }} }}',
        "Workstation": f'node(id: "{workstation}") {{ ... on Workstation {{ %s }} }}',
        "Organization": f'node(id: "{organization}") {{ ... on Organization {{ %s }} }}',
    }


async def _page(served: Served, holder: str, field: str, arguments: str) -> Any:
    """Return the connection, or the error code."""
    answer = await served.ask("olive", f"{{ {holder % f'{field}{arguments} {{ {PAGE} {INFO} }}'} }}")
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"]
    found = answer["data"]
    while field not in found:
        (found,) = found.values()
    return found[field]


def test_every_connection_has_a_fixture() -> None:
    assert len(CONNECTIONS) >= 7
    owners = {"Query", "Viewer", "Workstation", "Organization", "Collaboration", "Datasession"}
    assert {kind for kind, _, _ in CONNECTIONS} <= owners


@each_connection
def test_connection_has_relay_arguments_and_fields(kind: str, name: str, field: GraphQLField) -> None:
    connection = get_named_type(field.type)

    assert {"first", "after", "last", "before"} <= set(field.args)
    assert isinstance(connection, GraphQLObjectType)
    assert {"nodes", "edges", "pageInfo", "totalCount"} <= set(connection.fields)
    assert not is_non_null_type(connection.fields["totalCount"].type)


@each_connection
def test_connection_has_filter_and_order_arguments(kind: str, name: str, field: GraphQLField) -> None:
    where, order = (get_named_type(field.args[each].type) for each in ("where", "orderBy"))

    assert isinstance(where, GraphQLInputObjectType)
    assert set(where.fields) > TREE
    operators = [get_named_type(each.type) for name, each in where.fields.items() if name not in TREE]
    assert all(isinstance(each, GraphQLInputObjectType) and each.name.endswith("Filter") for each in operators)
    assert isinstance(order, GraphQLInputObjectType)
    assert set(order.fields) == {"field", "direction"}


async def test_connection_pages_both_ways_within_maximum(sqlite_api: Served) -> None:
    holders = await _holders(sqlite_api)

    for kind, name, _ in CONNECTIONS:
        holder = holders[kind]
        assert await _page(sqlite_api, holder, name, "(first: 101)") == "BAD_USER_INPUT", name
        assert await _page(sqlite_api, holder, name, "(last: 101)") == "BAD_USER_INPUT", name
        assert await _page(sqlite_api, holder, name, "(first: 1, last: 1)") == "BAD_USER_INPUT", name
        assert await _page(sqlite_api, holder, name, '(first: 1, after: "x")') == "BAD_USER_INPUT", name
        await _walk(sqlite_api, holder, name)


async def _walk(served: Served, holder: str, name: str) -> None:
    whole = await _page(served, holder, name, "(first: 100)")
    cursors = [edge["cursor"] for edge in whole["edges"]]
    assert len(whole["nodes"]) == len(cursors) == whole["totalCount"], name
    assert await _cursors(served, holder, name, "first", "after", "endCursor") == cursors, name
    assert (await _cursors(served, holder, name, "last", "before", "startCursor"))[::-1] == cursors, name


async def _cursors(served: Served, holder: str, name: str, size: str, edge: str, end: str) -> list[str]:
    seen: list[str] = []
    cursor = ""
    while len(seen) < 100:
        page = await _page(served, holder, name, f"({size}: 1{cursor})")
        seen += [each["cursor"] for each in page["edges"]]
        if not page["pageInfo"]["hasNextPage" if size == "first" else "hasPreviousPage"]:
            break
        cursor = f', {edge}: "{page["pageInfo"][end]}"'
    return seen


async def test_every_filter_supports_and_or_not(sqlite_api: Served) -> None:
    holders = await _holders(sqlite_api)

    for kind, name, field in CONNECTIONS:
        some = _some_condition(get_named_type(field.args["where"].type))  # type: ignore[arg-type]
        whole = (await _page(sqlite_api, holders[kind], name, "(first: 100)"))["totalCount"]
        chosen = await _count(sqlite_api, holders[kind], name, some)
        assert await _count(sqlite_api, holders[kind], name, f"NOT: {{ {some} }}") == whole - chosen, name
        assert await _count(sqlite_api, holders[kind], name, f"OR: [{{ {some} }}, {{ NOT: {{ {some} }} }}]") == whole
        assert await _count(sqlite_api, holders[kind], name, f"AND: [{{ {some} }}, {{ NOT: {{ {some} }} }}]") == 0
        deep = f"NOT: {{ NOT: {{ NOT: {{ {some} }} }} }}"
        assert await _page(sqlite_api, holders[kind], name, f"(where: {{ {deep} }})") == "BAD_USER_INPUT", name


async def test_every_order_sorts_and_pages_both_ways(sqlite_api: Served) -> None:
    holders = await _holders(sqlite_api)

    for kind, name, field in CONNECTIONS:
        order = get_named_type(field.args["orderBy"].type)
        columns = get_named_type(order.fields["field"].type).values  # type: ignore[union-attr]
        for column in columns:
            up = await _ordered(sqlite_api, holders[kind], name, column, "ASC")
            assert up == (await _ordered(sqlite_api, holders[kind], name, column, "DESC"))[::-1], (name, column)


async def _ordered(served: Served, holder: str, name: str, column: str, direction: str) -> list[str]:
    """Return the values in the cursors of all nodes, page by page."""
    order = f"orderBy: [{{ field: {column}, direction: {direction} }}]"
    rows: list[str] = []
    after = ""
    while len(rows) < 100:
        page = await _page(served, holder, name, f"(first: 2, {order}{after})")
        assert isinstance(page, dict), (name, column, page)
        rows += [_row(edge["cursor"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
    return rows


def _row(cursor: str) -> str:
    """Return the values in a cursor, which end with the row's key."""
    return str(orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[1])


async def _count(served: Served, holder: str, name: str, where: str) -> int:
    page = await _page(served, holder, name, f"(where: {{ {where} }})")
    assert isinstance(page, dict), (name, where, page)
    return int(page["totalCount"])


def _some_condition(where: GraphQLInputObjectType) -> str:
    """Return a condition on the first enum, string or time field of the filter."""
    for name, field in where.fields.items():
        kind = get_named_type(field.type)
        if name not in TREE and isinstance(kind, GraphQLInputObjectType) and "eq" in kind.fields:
            eq = get_named_type(kind.fields["eq"].type)
            if eq.name != "ID":
                return f"{name}: {{ eq: {_value(eq)} }}"
        elif name not in TREE and isinstance(kind, GraphQLInputObjectType) and "lt" in kind.fields:
            return f'{name}: {{ lt: "2001-01-01T00:00:00Z" }}'
    raise AssertionError(f"{where.name} has no field that a test could choose by.")


def _value(kind: Any) -> str:
    values: Sequence[str] = list(kind.values) if isinstance(kind, GraphQLEnumType) else ['"First"']
    return next((value for value in ("QUEUED", "SESSION") if value in values), values[0])
