"""Every role reads every field of every object. Refusals must match the printed schema."""

from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type, parse

from models.accounts.history import HistoryEntry
from models.accounts.organizations import MemberRole
from models.accounts.roles import DEFAULT_ROLES, SESSION, PermissionVerb, Resource, Rule, Scope
from models.permissions.principal import Principal, PrincipalKind
from models.permissions.rules import MEMBER_ROLE_RULES, RULES, Permission
from schema.accounts.history import RESOURCES_BY_TYPE
from schema.app import SDL
from schema.context import Context
from schema.graphql.node import encode, readers
from schema.root import schema
from tests.schema.api import Api

ROLES: dict[str, frozenset[Rule]] = {
    **{name: rules for name, (_, rules) in DEFAULT_ROLES.items()},
    **{f"lab {role}": MEMBER_ROLE_RULES[role] for role in MemberRole},
    "container": SESSION,
    "nothing": frozenset(),
}
NODES = sorted(kind for kind in readers._readers if kind in schema._schema.type_map)


def _printed() -> dict[tuple[str, str], Permission | None]:
    """Return the permission that the SDL requires for each field, None for public fields."""
    found: dict[tuple[str, str], Permission | None] = {}
    for definition in parse(SDL).definitions:
        if definition.kind not in {"object_type_definition", "interface_type_definition"}:
            continue
        node: Any = definition
        for field in node.fields:
            directives = {each.name.value: each for each in field.directives}
            assert len({"requires", "public"} & set(directives)) == 1, (node.name.value, field.name.value)
            asked = directives.get("requires")
            words = {each.name.value: each.value.value for each in asked.arguments} if asked else {}
            found[node.name.value, field.name.value] = (
                Permission(Resource[words["resource"]], PermissionVerb[words["verb"]]) if words else None
            )
    return found


PRINTED = _printed()


def _fields(kind: str) -> dict[str, GraphQLNamedType]:
    named = schema._schema.type_map[kind]
    assert isinstance(named, GraphQLObjectType)
    return {name: get_named_type(field.type) for name, field in named.fields.items()}


def _selection(kind: str) -> str:
    return " ".join(
        name if is_leaf_type(inner) else f"{name} {{ __typename }}" for name, inner in _fields(kind).items()
    )


async def _ids(api: Api) -> dict[str, str]:
    """Return the ID of one object of each type."""
    people = api.people
    entry = await HistoryEntry.all().order_by("id").first()
    grant = await people.users["owner"].grants.all().first()  # type: ignore[attr-defined]
    rows: dict[str, Any] = {
        "Collaboration": people.collaboration,
        "DataOperation": people.done,
        "Datasession": people.datasession,
        "Grant": grant,
        "HistoryEntry": entry,
        "Image": people.image,
        "Organization": people.lab,
        "Region": people.region,
        "Result": people.result,
        "Role": people.roles["builder"],
        "Session": people.session,
        "Token": people.token_row,
        "Upload": people.upload,
        "User": people.users["owner"],
        "Workstation": people.workstation,
    }
    return {kind: encode(kind, row.pk) for kind, row in rows.items()}


def _seeing(api: Api, kind: str, rules: frozenset[Rule]) -> Principal:
    """Return a principal with these rules and the rule to see the object."""
    special = {"Grant": Resource.ROLE, "Upload": Resource.UPLOAD}
    resource = special.get(kind) or RESOURCES_BY_TYPE.get(kind, Resource.HISTORY)
    widest = next(
        rule
        for scope in (Scope.GLOBAL, Scope.OWN)
        if (rule := RULES.get(f"{resource}:{PermissionVerb.VIEW}:{scope}")) is not None
    )
    person = api.people.users["owner"]
    return Principal(PrincipalKind.USER, person.id, rules | {widest}, frozenset({api.people.lab.id}))


async def _refused(api: Api, principal: Principal, query: str) -> tuple[Any, set[str]]:
    """Return the data and the fields refused for a missing permission."""
    done = await schema.execute(query, context_value=Context(principal=principal, app_state=api.services.app_state))
    refused = {
        str(error.path[-1])
        for error in done.errors or ()
        if (error.extensions or {})["code"] == "FORBIDDEN" and error.path
    }
    assert len(refused) == len(done.errors or ()), done.errors
    return done.data, refused


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_field_is_refused_exactly_without_its_permission(api: Api) -> None:
    ids, wrong, cells = await _ids(api), [], 0
    assert set(ids) == set(NODES), "Name an object of the new type here."
    for kind, key in ids.items():
        query = f'{{ node(id: "{key}") {{ ... on {kind} {{ {_selection(kind)} }} }} }}'
        for role, rules in ROLES.items():
            principal = _seeing(api, kind, rules)
            data, refused = await _refused(api, principal, query)
            assert data["node"] is not None, (kind, role)
            asked = {name: PRINTED[kind, name] for name in _fields(kind)}
            wanted = {name for name, needs in asked.items() if needs and not principal.has_permission(*needs)}
            wrong += [] if refused == wanted else [(kind, role, refused ^ wanted)]
            cells += len(asked)

    assert wrong == []
    assert cells > 1000


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_root_is_refused_exactly_without_its_permission(api: Api) -> None:
    wrong = []
    fields = {
        name: inner
        for name, inner in _fields("Query").items()
        if not any(str(each.type).endswith("!") for each in schema._schema.query_type.fields[name].args.values())  # type: ignore[union-attr]
    }
    for role, rules in ROLES.items():
        principal = replace(_seeing(api, "Region", rules), rules=rules)
        for name, inner in fields.items():
            query = f"{{ {name} {'' if is_leaf_type(inner) else '{ __typename }'} }}"
            _, refused = await _refused(api, principal, query)
            needs = PRINTED["Query", name]
            wanted = {name} if needs and not principal.has_permission(*needs) else set()
            wrong += [] if refused == wanted else [(name, role, refused)]

    assert wrong == []
