"""For every role, lists, nodes, relations, mutations and streams must match the policy."""

from collections.abc import Callable
from typing import Any

import pytest
from tortoise.queryset import QuerySet

from core.database.connection import transaction
from models.accounts.organizations import MemberRole
from models.accounts.roles import DEFAULT_ROLES, ObjectRole, PermissionVerb, Resource, UserRule
from models.permissions.principal import SERVICE, Principal
from models.permissions.rules import OBJECT_ROLE_RESOURCE
from models.policies import registry
from models.policies.accounts import collaborations, grants, history, organizations, roles, tokens
from models.policies.accounts import users as accounts_users
from models.policies.authorization import ACTION_RULES, Action
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.sessions import images, regions, sessions, workstations
from models.services.accounts import grants as grant_service
from models.services.accounts import organizations as organization_service
from models.services.accounts import users as account_service
from schema.accounts.rules import graphql_type_name
from schema.context import Context
from schema.graphql.node import encode
from schema.graphql.permissions import Requires, guard_of
from schema.root import schema
from tests.schema.api import Api
from tests.schema.every_mutation import CASES as MUTATIONS

GRANTED = [role for role in ObjectRole if OBJECT_ROLE_RESOURCE[role] in registry.grantable()]
PEOPLE = [*(f"role-{each}" for each in DEFAULT_ROLES), *(f"lab-{each}" for each in MemberRole), *GRANTED]
WITH_PARTICULARS = {
    Action.USER_CREATE,
    Action.USER_ROLE_ADD,
    Action.USER_ROLE_REMOVE,
    Action.USER_RULE_ADD,
    Action.USER_RULE_REMOVE,
    Action.ROLE_CREATE,
    Action.ROLE_UPDATE,
    Action.ORGANIZATION_MEMBER_ADD,
    Action.ORGANIZATION_MEMBER_REMOVE,
    Action.WORKSTATION_USER_ADD,
    Action.WORKSTATION_USER_REMOVE,
    Action.WORKSTATION_ORGANIZATION_ADD,
    Action.WORKSTATION_ORGANIZATION_REMOVE,
    Action.COLLABORATION_CREATE,
    Action.COLLABORATION_ORGANIZATION_ADD,
    Action.IMAGE_CREATE,
    Action.DATASESSION_USER_ADD,
    Action.DATASESSION_USER_REMOVE,
    Action.DATASESSION_ORGANIZATION_ADD,
    Action.DATASESSION_ORGANIZATION_REMOVE,
    Action.WORKSTATION_LOGO_SET,
    Action.IMAGE_MOVE,
}
"""Actions whose arguments matter too; see tests/models/policies/test_delegation.py."""
IN_BULK = {
    "sessionsStop": Action.SESSION_STOP,
    "tokensRevoke": Action.TOKEN_REVOKE,
    "organizationMembersAdd": Action.ORGANIZATION_MEMBER_ADD,
    "organizationMembersRemove": Action.ORGANIZATION_MEMBER_REMOVE,
    "workstationUsersAdd": Action.WORKSTATION_USER_ADD,
    "workstationUsersRemove": Action.WORKSTATION_USER_REMOVE,
    "operationsCancel": Action.OPERATION_CANCEL,
    "operationsDelete": Action.OPERATION_DELETE,
}
"""Bulk mutations with their action. Each object is authorized separately."""
REFUSALS = {"FORBIDDEN", "NOT_FOUND"}


class RolledBackError(Exception):
    """Rolls back a transaction."""


async def person_with_role(api: Api, name: str) -> Principal:
    """Create a user with one role: of the installation, in the lab, or on one object."""
    role = name.removeprefix("role-") if name.startswith("role-") else "viewer"
    home = api.people.lab.id if name.startswith("role-") else None
    user = await account_service.register(f"some-{name}", None, role=role, home_organization_id=home)
    api.people.users[name] = user
    if name.startswith("lab-"):
        member = MemberRole(name.removeprefix("lab-"))
        await organization_service.add_member(api.people.lab, user, member, actor=SERVICE)
    if name in GRANTED:
        noun = OBJECT_ROLE_RESOURCE[ObjectRole(name)]
        row = api.people.workstation if noun is Resource.WORKSTATION else api.people.datasession
        await grant_service.grant(row, ObjectRole(name), user_id=user.id, actor=SERVICE)
    return await api.people.principal(name)


async def ask(api: Api, principal: Principal, query: str, **variables: Any) -> tuple[Any, set[str]]:
    """Return the value of the only root field, and all error codes, including those of bulk results."""
    context = Context(principal=principal, app_state=api.services.app_state)
    done = await schema.execute(query, variable_values=variables, context_value=context)
    codes = {str((error.extensions or {})["code"]) for error in done.errors or ()}
    value = next(iter((done.data or {None: None}).values()))
    inner = [value, *(value.get("results") or ())] if isinstance(value, dict) else []
    return value, codes | {str(error["code"]) for each in inner for error in each.get("errors") or ()}


LISTS: dict[str, tuple[str, Resource, Callable[[Principal], QuerySet[Any]]]] = {
    "users": ("User", Resource.USER, accounts_users.readable),
    "organizations": ("Organization", Resource.ORGANIZATION, organizations.readable),
    "workstations": ("Workstation", Resource.WORKSTATION, workstations.readable),
    "sessions": ("Session", Resource.SESSION, sessions.readable),
    "datasessions": ("Datasession", Resource.DATASESSION, datasessions.readable),
    "operations": ("DataOperation", Resource.DATA_OPERATION, dataoperations.readable),
    "roles": ("Role", Resource.ROLE, roles.readable),
    "grants": ("Grant", Resource.ROLE, grants.readable),
    "history": ("HistoryEntry", Resource.HISTORY, history.readable),
    "collaborations": ("Collaboration", Resource.COLLABORATION, collaborations.readable),
    "uploads": ("Upload", Resource.UPLOAD, uploads.readable),
    "regions": ("Region", Resource.REGION, regions.readable),
}
OTHERS: dict[str, Callable[[Principal], QuerySet[Any]]] = {
    "Image": images.readable,
    "Result": results.readable,
    "Token": tokens.readable,
}
PLAIN = {"regions"}
"""Short lists that are not connections."""


@pytest.fixture
async def someone(api: Api, request: pytest.FixtureRequest) -> Principal:
    """A principal with one role."""
    return await person_with_role(api, request.param)


POSTGRES_PEOPLE = ["role-researcher", "role-collaboration_admin", "lab-admin", ObjectRole.WORKSTATION_EDITOR]
EVERYBODY = [*(("sqlite", name) for name in PEOPLE), *(("postgres", name) for name in POSTGRES_PEOPLE)]
everybody = pytest.mark.parametrize(("database_url", "someone"), EVERYBODY, indirect=True)


@everybody
async def test_lists_and_nodes_follow_the_policy(api: Api, someone: Principal) -> None:
    for field, (kind, resource, readable) in LISTS.items():
        whole = "{ id }" if field in PLAIN else "(first: 100) { nodes { id } }"
        value, codes = await ask(api, someone, f"{{ {field} {whole} }}")
        if not someone.has_permission(resource, PermissionVerb.VIEW):
            assert (value, codes) == (None, {"FORBIDDEN"}), field
        else:
            seen = {encode(kind, key) for key in await readable(someone).values_list("id", flat=True)}
            assert {node["id"] for node in (value if field in PLAIN else value["nodes"])} == seen, field
    for kind, readable in {kind: policy for kind, _, policy in LISTS.values()}.items() | OTHERS.items():
        rows = readable(someone).model.all()
        seen = {encode(kind, key) for key in await readable(someone).values_list("id", flat=True)}
        ids = [encode(kind, key) for key in await rows.limit(100).values_list("id", flat=True)]
        nodes, codes = await ask(api, someone, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
        assert {node["id"] for node in nodes if node} == seen & set(ids), kind
        for one in ids[:3]:
            node, _ = await ask(api, someone, "query($id: ID!) { node(id: $id) { id } }", id=one)
            assert (node is not None) is (one in seen), kind


RELATED: dict[str, Callable[[Principal], QuerySet[Any]]] = {
    "User": accounts_users.readable,
    "Image": images.readable,
    "Region": regions.readable,
    "Datasession": datasessions.readable,
    "Result": results.readable,
}


@everybody
async def test_relation_reveals_no_hidden_object(api: Api, someone: Principal) -> None:
    query = """query($id: ID!) { node(id: $id) {
      ... on Workstation { creator { id } activeImage { id } }
      ... on Session { creator { id } image { id } region { id } }
      ... on Datasession { creator { id } }
      ... on DataOperation { creator { id } datasession { id } result { id } }
    } }"""
    seen = {
        kind: {encode(kind, key) for key in await readable(someone).values_list("id", flat=True)}
        for kind, readable in RELATED.items()
    }
    for kind, row in (
        ("Workstation", api.people.workstation),
        ("Session", api.people.session),
        ("Datasession", api.people.datasession),
        ("DataOperation", api.people.done),
    ):
        node, _ = await ask(api, someone, query, id=encode(kind, row.id))
        for name, other in (node or {}).items():
            target = {"creator": "User", "activeImage": "Image"}.get(name, name.capitalize())
            assert other is None or other["id"] in seen[target], (kind, name)


def mutation_name(action: Action) -> str:
    """Return the mutation name of an action."""
    first, *rest = action.value.split("_")
    return first + "".join(word.capitalize() for word in rest)


def target_id(api: Api, action: Action) -> str | None:
    """Return the ID of an action's target; None for actions that create an object."""
    if ACTION_RULES[action].readable_rows is None:
        return None
    rows = {
        Resource.USER: api.people.users["stranger"],
        Resource.ROLE: api.people.roles["custom"],
        Resource.ORGANIZATION: api.people.lab,
        Resource.COLLABORATION: api.people.collaboration,
        Resource.TOKEN: api.people.token_row,
        Resource.WORKSTATION: api.people.workstation,
        Resource.IMAGE: api.people.older,
        Resource.SESSION: api.people.session,
        Resource.DATASESSION: api.people.datasession,
        Resource.DATA_OPERATION: api.people.operation,
        Resource.RESULT: api.people.result,
    }
    return encode(graphql_type_name(ACTION_RULES[action].resource), rows[ACTION_RULES[action].resource].pk)


@everybody
async def test_why_not_matches_the_mutation(api: Api, someone: Principal) -> None:
    query = "query($action: Action!, $id: ID) { whyNot(action: $action, id: $id) { isAllowed reason } }"
    for action in Action:
        case = MUTATIONS[mutation_name(action)]
        verdict, codes = await ask(api, someone, query, action=action.name, id=target_id(api, action))
        assert codes == set()
        assert verdict["isAllowed"] is (verdict["reason"] is None)
        with pytest.raises(RolledBackError):
            await _attempt(api, someone, case.query, dict(case.variables(api)))
        refused = bool(ATTEMPTS.pop() & REFUSALS)
        if not verdict["isAllowed"]:
            assert refused, (action, verdict)
        elif action not in WITH_PARTICULARS:
            assert not refused, action


ATTEMPTS: list[set[str]] = []


async def _attempt(api: Api, principal: Principal, query: str, variables: dict[str, Any]) -> None:
    """Run a mutation, record its error codes, and roll back."""
    async with transaction():
        ATTEMPTS.append((await ask(api, principal, query, **variables))[1])
        raise RolledBackError


FOLLOW = {
    "session": "subscription($id: ID!) { sessionUpdated(id: $id) { id } }",
    "image": "subscription($id: ID!) { imageUpdated(id: $id) { id } }",
    "datasession": "subscription($id: ID!) { datasessionUpdated(id: $id) { id } }",
    "dataOperation": "subscription($id: ID!) { operationUpdated(id: $id) { id } }",
}


@everybody
async def test_stream_follows_the_policy(api: Api, someone: Principal) -> None:
    name = next(name for name, user in api.people.users.items() if user.id == someone.user_id)
    for what, readable, row in (
        ("session", sessions.readable, api.people.session),
        ("image", images.readable, api.people.image),
        ("datasession", datasessions.readable, api.people.datasession),
        ("dataOperation", dataoperations.readable, api.people.done),
    ):
        seen = await readable(someone).filter(id=row.id).exists()
        async with api.follow(name, FOLLOW[what], id=encode(what[0].upper() + what[1:], row.id)) as stream:
            first = await stream.next()
        assert (first is not None and not first.get("errors")) is seen, (what, first)


def test_every_mutation_requires_its_actions_permission() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    actions = {mutation_name(action): ACTION_RULES[action] for action in Action} | {
        name: ACTION_RULES[one] for name, one in IN_BULK.items()
    }

    assert set(actions) == set(mutations.fields)
    for name, field in mutations.fields.items():
        guard = guard_of(field)
        assert isinstance(guard, Requires), name
        asked = (guard.resource, guard.verb)
        assert asked in {tuple(actions[name].permission), (actions[name].resource, PermissionVerb.VIEW)}, name


async def test_direct_rule_equals_role_rule(api: Api) -> None:
    await UserRule.create(user=api.people.users["stranger"], rule="session:view:global")

    value, _ = await ask(api, await api.people.principal("stranger"), "{ sessions { nodes { id } } }")

    assert len(value["nodes"]) == 1


async def test_history_filters_refusals_and_sign_ins(api: Api) -> None:
    case = MUTATIONS["workstationUpdate"]
    guest = await api.people.principal("guest")
    await ask(api, guest, case.query, **case.variables(api))
    where = {
        "actor": {"eq": encode("User", guest.user_id)},
        "actorKind": {"eq": "USER"},
        "action": {"contains": "_refused"},
        "cause": {"contains": "editor"},
    }

    query = "query($w: HistoryWhere) { history(where: $w) { nodes { action cause actor { username } } } }"
    value, _ = await ask(api, await api.people.principal("operator"), query, w=where)

    cause = "Only an editor of a workstation can change it."
    assert value["nodes"] == [{"action": "workstation_update_refused", "cause": cause, "actor": {"username": "guest"}}]
