"""The matrix over GraphQL: for every role, lists, nodes, relations, changes and streams say what the policy says."""

from collections.abc import Callable
from typing import Any

import pytest
from tortoise.queryset import QuerySet

from core.database.connection import transaction
from models.accounts.organizations import MemberRole
from models.accounts.roles import DEFAULT_ROLES, ObjectRole, Operation, Resource, UserRule
from models.permissions.actor import SERVICE
from models.permissions.principal import Principal
from models.permissions.rules import NOUN_OF
from models.policies.accounts import collaborations, grants, history, organizations, roles
from models.policies.accounts import users as accounts_users
from models.policies.authorization import ACTS, Action
from models.policies.data import dataoperations, datasessions, results, uploads
from models.policies.sessions import images, regions, sessions, workstations
from models.services.accounts import grants as grant_service
from models.services.accounts import organizations as organization_service
from models.services.accounts import users as account_service
from schema.accounts.rules import type_of
from schema.context import Context
from schema.graphql.node import encode
from schema.graphql.permissions import Requires, guard_of
from schema.root import schema
from tests.schema.api import Api
from tests.schema.every_mutation import CASES as MUTATIONS

GRANTED = [role for role in ObjectRole if NOUN_OF[role] in grants.GRANTED]
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
"""What is given, to whom, or out of what, decides as well; tests/models/policies/test_delegation.py has that half."""
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
"""Mutations that do one action to many objects, each of which is judged alone."""
REFUSALS = {"FORBIDDEN", "NOT_FOUND"}


class RolledBackError(Exception):
    """Ends a transaction so that nothing of it stays."""


async def person(api: Api, name: str) -> Principal:
    """Make somebody with one role of the house, one in the lab, or one on the workstation; nothing else."""
    role = name.removeprefix("role-") if name.startswith("role-") else "viewer"
    home = api.cast.lab.id if name.startswith("role-") else None
    user = await account_service.register(f"some-{name}", None, role=role, home_organization_id=home)
    api.cast.users[name] = user
    if name.startswith("lab-"):
        member = MemberRole(name.removeprefix("lab-"))
        await organization_service.add_member(api.cast.lab, user, member, actor=SERVICE)
    if name in GRANTED:
        noun = NOUN_OF[ObjectRole(name)]
        row = api.cast.workstation if noun is Resource.WORKSTATION else api.cast.datasession
        await grant_service.give(row, ObjectRole(name), user_id=user.id, actor=SERVICE)
    return await api.cast.principal(name)


async def ask(api: Api, principal: Principal, query: str, **variables: Any) -> tuple[Any, set[str]]:
    """Return the value of the only root field, and the codes of all errors, those of many results among them."""
    context = Context(principal=principal, house=api.kernel.house)
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
    "Token": accounts_users.readable_tokens,
}
PLAIN = {"regions"}
"""Lists that are short by their nature, and no connections."""


@pytest.fixture
async def someone(api: Api, request: pytest.FixtureRequest) -> Principal:
    """Somebody with one role."""
    return await person(api, request.param)


SOME = ["role-researcher", "role-collaboration_admin", "lab-admin", ObjectRole.WORKSTATION_EDITOR]
EVERYBODY = [*(("sqlite", name) for name in PEOPLE), *(("postgres", name) for name in SOME)]
everybody = pytest.mark.parametrize(("database_url", "someone"), EVERYBODY, indirect=True)


@everybody
async def test_lists_and_nodes_show_what_the_policy_says_and_lists_are_refused_without_the_rule(
    api: Api, someone: Principal
) -> None:
    for field, (kind, resource, readable) in LISTS.items():
        whole = "{ id }" if field in PLAIN else "(first: 100) { nodes { id } }"
        value, codes = await ask(api, someone, f"{{ {field} {whole} }}")
        if not someone.may(resource, Operation.VIEW):
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
async def test_a_relation_shows_no_more_than_the_object_itself(api: Api, someone: Principal) -> None:
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
        ("Workstation", api.cast.workstation),
        ("Session", api.cast.session),
        ("Datasession", api.cast.datasession),
        ("DataOperation", api.cast.done),
    ):
        node, _ = await ask(api, someone, query, id=encode(kind, row.id))
        for name, other in (node or {}).items():
            target = {"creator": "User", "activeImage": "Image"}.get(name, name.capitalize())
            assert other is None or other["id"] in seen[target], (kind, name)


def camel(action: Action) -> str:
    """Return the mutation's name of an action."""
    first, *rest = action.value.split("_")
    return first + "".join(word.capitalize() for word in rest)


def key_of(api: Api, action: Action) -> str | None:
    """Return the id that an action is asked with; None for what makes something new."""
    if ACTS[action].rows is None:
        return None
    rows = {
        Resource.USER: api.cast.users["stranger"],
        Resource.ROLE: api.cast.roles["custom"],
        Resource.ORGANIZATION: api.cast.lab,
        Resource.COLLABORATION: api.cast.collaboration,
        Resource.TOKEN: api.cast.token_row,
        Resource.WORKSTATION: api.cast.workstation,
        Resource.IMAGE: api.cast.older,
        Resource.SESSION: api.cast.session,
        Resource.DATASESSION: api.cast.datasession,
        Resource.DATA_OPERATION: api.cast.operation,
        Resource.RESULT: api.cast.result,
    }
    return encode(type_of(ACTS[action].on), rows[ACTS[action].on].pk)


@everybody
async def test_why_not_says_what_the_mutation_does(api: Api, someone: Principal) -> None:
    query = "query($action: Action!, $id: ID) { whyNot(action: $action, id: $id) { isAllowed reason } }"
    for action in Action:
        case = MUTATIONS[camel(action)]
        verdict, codes = await ask(api, someone, query, action=action.name, id=key_of(api, action))
        assert codes == set()
        assert verdict["isAllowed"] is (verdict["reason"] is None)
        with pytest.raises(RolledBackError):
            await _tried(api, someone, case.query, dict(case.variables(api)))
        refused = bool(ATTEMPTS.pop() & REFUSALS)
        if not verdict["isAllowed"]:
            assert refused, (action, verdict)
        elif action not in WITH_PARTICULARS:
            assert not refused, action


ATTEMPTS: list[set[str]] = []


async def _tried(api: Api, principal: Principal, query: str, variables: dict[str, Any]) -> None:
    """Try a change, note the codes of its errors, and take everything back."""
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
async def test_a_stream_shows_what_may_be_seen_and_nothing_else(api: Api, someone: Principal) -> None:
    name = next(name for name, user in api.cast.users.items() if user.id == someone.user_id)
    for what, readable, row in (
        ("session", sessions.readable, api.cast.session),
        ("image", images.readable, api.cast.image),
        ("datasession", datasessions.readable, api.cast.datasession),
        ("dataOperation", dataoperations.readable, api.cast.done),
    ):
        seen = await readable(someone).filter(id=row.id).exists()
        async with api.follow(name, FOLLOW[what], id=encode(what[0].upper() + what[1:], row.id)) as stream:
            first = await stream.next()
        assert (first is not None and not first.get("errors")) is seen, (what, first)


def test_every_mutation_is_an_action_and_asks_for_its_permission() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    actions = {camel(action): ACTS[action] for action in Action} | {name: ACTS[one] for name, one in IN_BULK.items()}

    assert set(actions) == set(mutations.fields)
    for name, field in mutations.fields.items():
        guard = guard_of(field)
        assert isinstance(guard, Requires), name
        asked = (guard.resource, guard.operation)
        assert asked in {tuple(actions[name].permission), (actions[name].on, Operation.VIEW)}, name


async def test_a_direct_rule_counts_like_one_of_a_role(api: Api) -> None:
    await UserRule.create(user=api.cast.users["stranger"], rule="session:view:global")

    value, _ = await ask(api, await api.cast.principal("stranger"), "{ sessions { nodes { id } } }")

    assert len(value["nodes"]) == 1


async def test_refusals_and_sign_ins_are_found_in_the_history_by_actor_action_and_cause(api: Api) -> None:
    case = MUTATIONS["workstationUpdate"]
    guest = await api.cast.principal("guest")
    await ask(api, guest, case.query, **case.variables(api))
    where = {
        "actor": {"eq": encode("User", guest.user_id)},
        "actorKind": {"eq": "USER"},
        "action": {"contains": "_refused"},
        "cause": {"contains": "editor"},
    }

    query = "query($w: HistoryWhere) { history(where: $w) { nodes { action cause actor { username } } } }"
    value, _ = await ask(api, await api.cast.principal("operator"), query, w=where)

    cause = "Only an editor of a workstation changes it."
    assert value["nodes"] == [{"action": "workstation_update_refused", "cause": cause, "actor": {"username": "guest"}}]
