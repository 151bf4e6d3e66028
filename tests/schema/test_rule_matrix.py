"""Each rule alone opens exactly its lists, mutations and streams."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import pytest

from core.database.connection import transaction
from models.accounts.roles import PermissionVerb, Resource, Rule, UserRule
from models.accounts.users import User
from models.permissions.principal import Principal
from models.permissions.rules import RULES
from models.policies.authorization import ACTION_RULES, Action
from models.services.accounts import authentication
from schema.context import Context
from schema.graphql.node import encode
from schema.graphql.permissions import Requires, guard_of
from schema.root import schema
from tests.schema.api import Api
from tests.schema.test_matrix import (
    FOLLOW,
    IN_BULK,
    LISTS,
    MUTATIONS,
    OTHERS,
    PLAIN,
    REFUSALS,
    WITH_PARTICULARS,
    RolledBackError,
    ask,
    mutation_name,
    target_id,
)

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WHY_NOT = "query($action: Action!, $id: ID) { whyNot(action: $action, id: $id) { isAllowed } }"
INNER = {Resource.IMAGE, Resource.TOKEN, Resource.MEMBERSHIP, Resource.RESULT}
"""Resources whose rows are listed inside others."""
BUILT = frozenset(resource for _, resource, _ in LISTS.values()) | INNER
"""The resources that have tables."""
RULES_BUILT = [rule for rule in RULES.values() if rule.resource in BUILT]
MUTATIONS_OF = {**{mutation_name(action): action for action in Action}, **IN_BULK}


@pytest.fixture
async def somebody(api: Api) -> User:
    """A user of the lab without any role."""
    return await User.create(username="somebody", home_organization=api.people.lab)


async def holding(user: User, rule: Rule) -> Principal:
    """Give the user only this rule, and return the principal."""
    await UserRule.filter(user=user).delete()
    await UserRule.create(user=user, rule=str(rule))
    return await authentication.principal_for_user(user)


@SQLITE
async def test_rule_opens_exactly_its_lists(api: Api, somebody: User) -> None:
    wrong = []
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for field, (kind, resource, readable) in LISTS.items():
            whole = "{ id }" if field in PLAIN else "(first: 100) { nodes { id } }"
            value, codes = await ask(api, principal, f"{{ {field} {whole} }}")
            if (resource, PermissionVerb.VIEW) != (rule.resource, rule.verb):
                wrong += [] if (value, codes) == (None, {"FORBIDDEN"}) else [(str(rule), field, codes)]
                continue
            seen = {encode(kind, key) for key in await readable(principal).values_list("id", flat=True)}
            visible = {node["id"] for node in (value if field in PLAIN else value["nodes"])}
            wrong += [] if visible == seen else [(str(rule), field, visible ^ seen)]

    assert wrong == []


@SQLITE
async def test_rule_opens_exactly_its_single_reads(api: Api, somebody: User) -> None:
    wrong = []
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for kind, readable in {kind: policy for kind, _, policy in LISTS.values()}.items() | OTHERS.items():
            rows = readable(principal)
            keys = await rows.model.all().order_by("id").limit(100).values_list("id", flat=True)
            seen = set(await rows.values_list("id", flat=True))
            ids = [encode(kind, key) for key in keys]
            nodes, _ = await ask(api, principal, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
            visible = {node["id"] for node in nodes if node}
            wrong += [] if visible == {encode(kind, key) for key in keys if key in seen} else [(str(rule), kind)]

    assert wrong == []


@SQLITE
@pytest.mark.parametrize("resource", sorted(BUILT))
async def test_rule_opens_exactly_its_mutations(api: Api, somebody: User, resource: Resource) -> None:
    wrong = []
    for rule in (rule for rule in RULES_BUILT if rule.resource is resource):
        principal = await holding(somebody, rule)
        for name, case in MUTATIONS.items():
            refused = bool(await _tried(api, principal, case.query, dict(case.variables(api))) & REFUSALS)
            action = MUTATIONS_OF[name]
            if not _is_open(name, principal):
                wrong += [] if refused else [(str(rule), name)]
            elif name not in IN_BULK:
                verdict, _ = await ask(api, principal, WHY_NOT, action=action.name, id=target_id(api, action))
                wrong += [] if refused or verdict["isAllowed"] else [(str(rule), name, "refused by whyNot alone")]
                wrong += [(str(rule), name)] if refused and verdict["isAllowed"] and _is_plain(action) else []

    assert wrong == []


def _is_open(name: str, principal: Principal) -> bool:
    mutations: Any = schema._schema.mutation_type
    guard = guard_of(mutations.fields[name])
    assert isinstance(guard, Requires)
    return principal.has_permission(guard.resource, guard.verb)


def _is_plain(action: Action) -> bool:
    """Return whether the permission alone decides, regardless of the arguments."""
    return action not in WITH_PARTICULARS


async def _tried(api: Api, principal: Principal, query: str, variables: dict[str, Any]) -> set[str]:
    codes: set[str] = set()
    with suppress(RolledBackError):
        async with transaction():
            codes |= (await ask(api, principal, query, **variables))[1]
            raise RolledBackError
    return codes


@SQLITE
async def test_rule_opens_exactly_its_streams(api: Api, somebody: User) -> None:
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for what, kind, row in (("session", "Session", api.people.session), ("image", "Image", api.people.image)):
            readable = {"session": LISTS["sessions"][2], "image": OTHERS["Image"]}[what]
            seen = await readable(principal).filter(id=row.id).exists()
            async with aclosing(_stream(api, principal, FOLLOW[what], id=encode(kind, row.id))) as results:
                first = await anext(results)
            assert (first.errors is None) is seen, (str(rule), what)


async def _stream(api: Api, principal: Principal, query: str, **variables: Any) -> AsyncIterator[Any]:
    context = Context(principal=principal, app_state=api.services.app_state)
    results = await schema.stream(query, variables, context)
    async with aclosing(results):  # type: ignore[type-var]
        async for each in results:
            yield each


def test_every_action_target_is_in_the_matrix() -> None:
    acted_on = {act.resource for act in ACTION_RULES.values()} | {
        act.permission.resource for act in ACTION_RULES.values()
    }

    assert acted_on <= BUILT
    assert set(MUTATIONS) <= set(MUTATIONS_OF)
