"""The matrix over GraphQL, rule by rule: somebody who holds one rule alone, through every list, change and stream."""

from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import pytest

from core.database.connection import transaction
from models.accounts.roles import Operation, Resource, Rule, UserRule
from models.accounts.users import User
from models.permissions.principal import Principal
from models.permissions.rules import RULES
from models.policies.authorization import ACTS, Action
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
    camel,
    key_of,
)

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WHY_NOT = "query($action: Action!, $id: ID) { whyNot(action: $action, id: $id) { isAllowed } }"
INNER = {Resource.IMAGE, Resource.TOKEN, Resource.MEMBERSHIP, Resource.RESULT}
"""Nouns whose rows are listed by others."""
BUILT = frozenset(resource for _, resource, _ in LISTS.values()) | INNER
"""The nouns that have rows by now."""
RULES_BUILT = [rule for rule in RULES.values() if rule.resource in BUILT]
MUTATIONS_OF = {**{camel(action): action for action in Action}, **IN_BULK}


@pytest.fixture
async def somebody(api: Api) -> User:
    """Somebody at home in the lab, without any role."""
    return await User.create(username="somebody", home_organization=api.cast.lab)


async def holding(user: User, rule: Rule) -> Principal:
    """Let the user hold this rule and no other, and return them."""
    await UserRule.filter(user=user).delete()
    await UserRule.create(user=user, rule=str(rule))
    return await authentication.principal_for(user)


@SQLITE
async def test_each_rule_opens_its_own_lists_and_shows_what_the_policy_says(api: Api, somebody: User) -> None:
    wrong = []
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for field, (kind, resource, readable) in LISTS.items():
            whole = "{ id }" if field in PLAIN else "(first: 100) { nodes { id } }"
            value, codes = await ask(api, principal, f"{{ {field} {whole} }}")
            if (resource, Operation.VIEW) != (rule.resource, rule.operation):
                wrong += [] if (value, codes) == (None, {"FORBIDDEN"}) else [(str(rule), field, codes)]
                continue
            seen = {encode(kind, key) for key in await readable(principal).values_list("id", flat=True)}
            shown = {node["id"] for node in (value if field in PLAIN else value["nodes"])}
            wrong += [] if shown == seen else [(str(rule), field, shown ^ seen)]

    assert wrong == []


@SQLITE
async def test_each_rule_opens_the_single_rows_of_its_own_noun(api: Api, somebody: User) -> None:
    wrong = []
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for kind, readable in {kind: policy for kind, _, policy in LISTS.values()}.items() | OTHERS.items():
            rows = readable(principal)
            keys = await rows.model.all().order_by("id").limit(100).values_list("id", flat=True)
            seen = set(await rows.values_list("id", flat=True))
            ids = [encode(kind, key) for key in keys]
            nodes, _ = await ask(api, principal, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
            shown = {node["id"] for node in nodes if node}
            wrong += [] if shown == {encode(kind, key) for key in keys if key in seen} else [(str(rule), kind)]

    assert wrong == []


@SQLITE
@pytest.mark.parametrize("resource", sorted(BUILT))
async def test_each_rule_opens_the_mutations_that_ask_for_it_as_far_as_it_reaches(
    api: Api, somebody: User, resource: Resource
) -> None:
    wrong = []
    for rule in (rule for rule in RULES_BUILT if rule.resource is resource):
        principal = await holding(somebody, rule)
        for name, case in MUTATIONS.items():
            refused = bool(await _tried(api, principal, case.query, dict(case.variables(api))) & REFUSALS)
            action = MUTATIONS_OF[name]
            if not _is_open(name, principal):
                wrong += [] if refused else [(str(rule), name)]
            elif name not in IN_BULK:
                verdict, _ = await ask(api, principal, WHY_NOT, action=action.name, id=key_of(api, action))
                wrong += [] if refused or verdict["isAllowed"] else [(str(rule), name, "refused by whyNot alone")]
                wrong += [(str(rule), name)] if refused and verdict["isAllowed"] and _is_plain(action) else []

    assert wrong == []


def _is_open(name: str, principal: Principal) -> bool:
    mutations: Any = schema._schema.mutation_type
    guard = guard_of(mutations.fields[name])
    assert isinstance(guard, Requires)
    return principal.may(guard.resource, guard.operation)


def _is_plain(action: Action) -> bool:
    """Say whether the permission alone decides, without what is given to whom or made of what."""
    return action not in WITH_PARTICULARS


async def _tried(api: Api, principal: Principal, query: str, variables: dict[str, Any]) -> set[str]:
    codes: set[str] = set()
    with suppress(RolledBackError):
        async with transaction():
            codes |= (await ask(api, principal, query, **variables))[1]
            raise RolledBackError
    return codes


@SQLITE
async def test_each_rule_opens_the_streams_of_its_own_noun(api: Api, somebody: User) -> None:
    for rule in RULES_BUILT:
        principal = await holding(somebody, rule)
        for what, kind, row in (("session", "Session", api.cast.session), ("image", "Image", api.cast.image)):
            readable = {"session": LISTS["sessions"][2], "image": OTHERS["Image"]}[what]
            seen = await readable(principal).filter(id=row.id).exists()
            async with aclosing(_stream(api, principal, FOLLOW[what], id=encode(kind, row.id))) as results:
                first = await anext(results)
            assert (first.errors is None) is seen, (str(rule), what)


async def _stream(api: Api, principal: Principal, query: str, **variables: Any) -> AsyncIterator[Any]:
    context = Context(principal=principal, house=api.kernel.house)
    results = await schema.stream(query, variables, context)
    async with aclosing(results):  # type: ignore[type-var]
        async for each in results:
            yield each


def test_whatever_is_acted_on_is_in_the_matrix() -> None:
    acted_on = {act.on for act in ACTS.values()} | {act.permission.resource for act in ACTS.values()}

    assert acted_on <= BUILT
    assert set(MUTATIONS) <= set(MUTATIONS_OF)
