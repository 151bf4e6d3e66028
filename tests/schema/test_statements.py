"""The number of SQL statements does not grow with the number of rows, for any connection of the schema."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLOutputType, get_named_type

from core.clock import now
from models.accounts import User
from models.dataoperations import DataOperation, Need
from models.datasessions import Datasession
from models.images import Image, ImageState
from models.organizations import MemberRole, Membership, Organization
from models.regions import Region
from models.results import Result
from models.sessions import Session, SessionState
from models.workstations import Workstation
from schema.core.ids import encode
from schema.root import schema
from tests.schema.api import Api

PAGE = 30
ROOTS = {"Query": "", "Viewer": "viewer"}


class Counter(logging.Handler):
    """Counts the statements that Tortoise logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.statements: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.statements.append(record.getMessage())


@contextmanager
def counting() -> Iterator[Counter]:
    """Count the statements of the context."""
    counter, logger = Counter(), logging.getLogger("tortoise.db_client")
    level = logger.level
    logger.addHandler(counter)
    logger.setLevel(logging.DEBUG)
    try:
        yield counter
    finally:
        logger.removeHandler(counter)
        logger.setLevel(level)


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


def _query(kind: str, field: str, api: Api) -> str:
    fields = schema._schema.type_map[kind].fields  # type: ignore[attr-defined]
    node = get_named_type(fields[field].type).fields["nodes"].type
    page = f"{field}(first: {PAGE}) {{ totalCount nodes {_selection(node)} }}"
    if kind == "Query":
        return f"{{ {page} }}"
    if kind in ROOTS:
        return f"{{ {ROOTS[kind]} {{ {page} }} }}"
    key = encode(kind, getattr(api.cast, {"Organization": "lab"}.get(kind, kind.lower())).pk)
    return f'{{ node(id: "{key}") {{ ... on {kind} {{ {page} }} }} }}'


async def _fill(api: Api, count: int, at: int) -> None:
    """Add `count` of everything, each with a creator, an image and a region of its own."""
    for number in range(at, at + count):
        user = await User.create(username=f"user-{number}")
        await Membership.create(user=user, organization=api.cast.lab, role=MemberRole.MEMBER)
        await Organization.create(name=f"Lab {number}", slug=f"lab-{number}")
        place = await Workstation.create(title=f"Place {number}", slug=f"place-{number}", creator=user)
        image = await Image.create(workstation=place, creator=user, state=ImageState.READY, is_desired=True)
        await Image.create(workstation=api.cast.workstation, creator=user, state=ImageState.READY)
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
        await api.cast.token("operator")


async def _compute(api: Api, user: User, number: int) -> None:
    """Add a data session with an operation, and one to the cast's, each with a result and with needs."""
    datasession = await Datasession.create(name=f"Data {number}", creator=user, organization=api.cast.lab)
    for place in (datasession, api.cast.datasession):
        key = f"{place.id}-{number}"
        result = await Result.create(key=key, slot=key, maker=1, files=api.cast.result.files)
        operation = await DataOperation.create(
            datasession=place, creator=user, name="Median", code_version="1", result=result
        )
        await Need.create(operation=operation, needed=api.cast.operation)


def test_every_connection_can_be_asked_for() -> None:
    known = {"Query", "Viewer", "Organization", "Workstation", "Datasession"}

    assert {kind for kind, _ in _connections()} <= known, "Teach this test where the new connection's parent is."
    assert len(_connections()) >= 7


@pytest.mark.parametrize("changes", [{"requests_per_minute": 100_000}])
async def test_thirty_rows_take_as_many_statements_as_three(api: Api, changes: dict[str, object]) -> None:
    found: dict[str, list[int]] = {}
    await api.headers("operator")
    at = 0
    for count in (3, 27):
        await _fill(api, count, at)
        at += count
        for kind, field in _connections():
            query = _query(kind, field, api)
            await api.ask("operator", query)
            with counting() as counter:
                answer = await api.ask("operator", query)
            assert answer.code is None, (query, answer.body)
            found.setdefault(f"{kind}.{field}", []).append(len(counter.statements))

    assert all(few > 1 for few, _ in found.values()), found
    assert {name: (few, many) for name, (few, many) in found.items() if many > few} == {}
