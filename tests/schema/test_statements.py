"""The number of SQL statements does not grow with the number of rows, for every connection."""

from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLOutputType, get_named_type

from core.clock import now
from models.accounts.collaborations import Collaboration, Participant
from models.accounts.organizations import MemberRole, Membership, Organization
from models.accounts.users import User
from models.data.dataoperations import DataOperation, OperationDependency
from models.data.datasessions import Datasession
from models.data.results import Result
from models.data.uploads import Upload
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from models.sessions.workstations import Workstation
from schema.graphql.node import encode
from schema.root import schema
from tests.schema.api import Api
from tests.statements import counting

PAGE = 30
ROOTS = {"Query": "", "Viewer": "viewer"}


def _connections() -> list[tuple[str, str]]:
    """Return every connection field as (type, field)."""
    return [
        (name, field_name)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType)
        for field_name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    ]


def _selection(kind: GraphQLOutputType, depth: int = 2) -> str:
    """Return a selection of every field without required arguments, `depth` objects deep, no connections within."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        return ""
    parts = []
    for name, field in named.fields.items():
        inner = get_named_type(field.type)
        if inner.name.endswith("Connection") or any(str(arg.type).endswith("!") for arg in field.args.values()):
            continue
        if isinstance(inner, GraphQLInterfaceType):
            parts.append(f"{name} {{ id }}")
        elif not isinstance(inner, GraphQLObjectType):
            parts.append(name)
        elif depth > 1:
            parts.append(f"{name} {_selection(inner, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def _page(kind: str, field: str, size: int = PAGE) -> str:
    fields = schema._schema.type_map[kind].fields  # type: ignore[attr-defined]
    node = get_named_type(fields[field].type).fields["nodes"].type
    return f"{field}(first: {size}) {{ totalCount nodes {_selection(node)} pageInfo {{ hasNextPage }} }}"


def _query(kind: str, field: str, api: Api) -> str:
    page = _page(kind, field)
    if kind == "Query":
        return f"{{ {page} }}"
    if kind in ROOTS:
        return f"{{ {ROOTS[kind]} {{ {page} }} }}"
    key = encode(kind, getattr(api.people, {"Organization": "lab"}.get(kind, kind.lower())).pk)
    return f'{{ node(id: "{key}") {{ ... on {kind} {{ {page} }} }} }}'


def _list_of(kind: str) -> str:
    """Return the root field that lists objects of the type; LookupError if there is none."""
    for name, field in schema._schema.query_type.fields.items():  # type: ignore[union-attr]
        named: Any = get_named_type(field.type)
        if "nodes" in getattr(named, "fields", {}) and get_named_type(named.fields["nodes"].type).name == kind:
            return name
    raise LookupError(f"No root field lists {kind}; extend this test.")


def _nested(kind: str, field: str) -> str:
    """Return a query of the connection in each row of the list of its parents."""
    nodes, edges = f"nodes {{ {_page(kind, field, 3)} }}", f"edges {{ node {{ {_page(kind, field, 2)} }} }}"
    return f"{{ {_list_of(kind)}(first: {PAGE}) {{ {nodes} {edges} }} }}"


NESTED = [(kind, field) for kind, field in _connections() if kind not in {"Query", *ROOTS}]


async def _fill(api: Api, count: int, at: int) -> None:
    """Add `count` of every object, each with its own creator, image and region."""
    for number in range(at, at + count):
        user = await User.create(username=f"user-{number}")
        await Membership.create(user=user, organization=api.people.lab, role=MemberRole.MEMBER)
        lab = await Organization.create(name=f"Lab {number}", slug=f"lab-{number}")
        together = await Collaboration.create(name=f"Together {number}")
        await Participant.create(collaboration=together, organization=lab)
        await Participant.create(collaboration=api.people.collaboration, organization=lab)
        operator = api.people.users["operator"]
        await Upload.create(creator=operator, filename="a", storage_key=f"key-{number}", expires_at=now())
        await Membership.create(user=user, organization=lab, role=MemberRole.ADMIN)
        place = await Workstation.create(title=f"Place {number}", slug=f"place-{number}", creator=user)
        image = await Image.create(workstation=place, creator=user, state=ImageState.READY, is_desired=True)
        await Image.create(workstation=api.people.workstation, creator=user, state=ImageState.READY)
        region = await Region.create(name=f"region-{number}")
        for state in (SessionState.QUEUED, SessionState.RUNNING):
            await Session.create(
                image=image,
                region=region,
                creator=user,
                state=state,
                label=f"label-{number}-{state}",
                maximum_seconds=60,
                expires_at=now(),
            )
        await _compute(api, user, number)
        await api.people.token("operator")


async def _compute(api: Api, user: User, number: int) -> None:
    """Add an operation with a result and a dependency to a new and to the sample data session."""
    datasession = await Datasession.create(name=f"Data {number}", creator=user, organization=api.people.lab)
    for place in (datasession, api.people.datasession):
        key = f"{place.id}-{number}"
        result = await Result.create(key=key, slot=key, maker=1, files=api.people.result.files)
        operation = await DataOperation.create(
            datasession=place, creator=user, name="Median", code_version="1", result=result
        )
        await OperationDependency.create(operation=operation, needed=api.people.operation)


def test_every_connection_is_queried() -> None:
    handled = {"Query", "Viewer", "Organization", "Workstation", "Collaboration", "Datasession"}

    assert {kind for kind, _ in _connections()} <= handled, "Add the parent of the new connection to this test."
    assert len(_connections()) >= 7


async def _statements(api: Api, query: str) -> int:
    """Return the number of statements of a query once the caller is cached."""
    counts = []
    for _ in range(3):
        with counting() as counter:
            answer = await api.ask("operator", query)
        assert answer.code is None, (query, answer.body)
        counts.append(len(counter.statements))
    return min(counts)


@pytest.mark.parametrize("changes", [{"requests_per_minute": 100_000, "points_per_minute": 10_000_000}])
async def test_statements_do_not_grow_with_rows(api: Api, changes: dict[str, object]) -> None:
    queries = {f"{kind}.{field}": _query(kind, field, api) for kind, field in _connections()}
    queries |= {f"{kind}s.{field}": _nested(kind, field) for kind, field in NESTED}
    found: dict[str, list[int]] = {name: [] for name in queries}
    await api.headers("operator")
    for count, at in ((3, 0), (27, 3)):
        await _fill(api, count, at)
        for name, query in queries.items():
            found[name].append(await _statements(api, query))

    assert all(few > 1 for few, _ in found.values()), found
    assert {name: (few, many) for name, (few, many) in found.items() if many > few} == {}


@pytest.mark.parametrize("changes", [{"requests_per_minute": 100_000, "points_per_minute": 10_000_000}])
async def test_nested_connections_match_single_reads(api: Api, changes: dict[str, object]) -> None:
    await _fill(api, 5, 0)
    for kind, field in NESTED:
        page = f"{field}(last: 2) {{ totalCount edges {{ cursor }} pageInfo {{ hasPreviousPage startCursor }} }}"
        listed = (await api.ask("operator", f"{{ {_list_of(kind)}(first: {PAGE}) {{ nodes {{ id {page} }} }} }}")).data[
            "nodes"
        ]
        assert len(listed) > 5
        for each in listed:
            alone = await api.ask("operator", f'{{ node(id: "{each["id"]}") {{ ... on {kind} {{ id {page} }} }} }}')
            assert each == alone.data
