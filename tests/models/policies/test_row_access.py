"""Every rule on every sort of row: the list and the check of a single row say the same, and what is right."""

from collections.abc import Collection
from contextlib import suppress

import pytest

from core.settings import Settings
from models.accounts.organizations import MemberRole
from models.accounts.roles import DEFAULT_ROLES, OBJECT_ROLES, Grant, ObjectRole, Operation, Rule, Scope
from models.permissions.principal import Principal, PrincipalKind
from models.permissions.rules import MEMBER_ROLES, NOUN_OF, RULES
from models.policies.accounts.grants import GRANTED
from tests.models.permission_rows import OURS, OWN, REACHES, THEIRS, World, build, expected

TOUCHING = [operation for operation in Operation if operation is not Operation.CREATE]
"""What is done to rows that are there; who makes new ones is asked in tests/models/policies/test_policies.py."""


@pytest.fixture
async def world(database: Settings) -> World:
    return await build()


async def reached(world: World, principal: Principal, noun: str, operation: Operation) -> set[str]:
    """Return whose rows the principal reaches; list and single row are asked both and must agree."""
    reach, rows = REACHES[noun], world.rows[noun]
    listed = {row.pk for row in await reach.rows(principal, operation)}
    single = {side for side, row in rows.items() if await reach.covers(principal, operation, row)}
    assert {side for side, row in rows.items() if row.pk in listed} == single, (noun, operation)
    with suppress(LookupError):
        assert {side for side, row in rows.items() if reach.spans(principal, operation, row)} == single
    return single


def sides(world: World, noun: str, rules: Collection[Rule], operation: Operation) -> set[str]:
    """Return whose rows the rules reach together, by the oracle."""
    resource = REACHES[noun].resource
    wanted = [rule for rule in rules if (rule.resource, rule.operation) == (resource, operation)]
    found: set[str] = set().union(*(expected(noun, rule) for rule in wanted))
    if noun == "image" and wanted:
        found |= sides(world, "workstation", rules, Operation.EDIT)
    return found & set(world.rows[noun])


async def test_each_rule_reaches_what_its_scope_says_and_no_row_more(world: World) -> None:
    wrong = {}
    for rule in RULES.values():
        for noun, reach in REACHES.items():
            if reach.resource is rule.resource and rule.operation in TOUCHING:
                found = await reached(world, world.me(rule), noun, rule.operation)
                wanted = sides(world, noun, [rule], rule.operation)
                wrong |= {(str(rule), noun): (found, wanted)} if found != wanted else {}

    assert wrong == {}


async def test_a_rule_opens_its_own_noun_and_operation_and_no_other(world: World) -> None:
    for rule in RULES.values():
        principal = world.me(rule)
        for noun, reach in REACHES.items():
            for operation in Operation:
                if (reach.resource, operation) == (rule.resource, rule.operation):
                    continue
                row = world.rows[noun][THEIRS]
                assert not await reach.covers(principal, operation, row), (str(rule), noun, operation)
                assert not principal.may(reach.resource, operation)


DEFAULTS = {name: rules for name, (_, rules) in DEFAULT_ROLES.items()}
ROLES = DEFAULTS | {f"lab {each}": MEMBER_ROLES[each] for each in MemberRole}


@pytest.mark.parametrize("name", ROLES)
async def test_each_role_reaches_the_sum_of_its_rules_on_every_noun(world: World, name: str) -> None:
    principal, wrong = world.me(*ROLES[name]), {}
    for noun in REACHES:
        for operation in TOUCHING:
            found = await reached(world, principal, noun, operation)
            wanted = sides(world, noun, ROLES[name], operation)
            wrong |= {(noun, operation): (found, wanted)} if found != wanted else {}

    assert wrong == {}


OBJECTS = [role for role in ObjectRole if NOUN_OF[role] in GRANTED]


@pytest.mark.parametrize("to_group", [False, True], ids=["to a person", "to a group"])
@pytest.mark.parametrize("role", OBJECTS)
async def test_each_object_role_allows_its_permissions_on_its_one_object(
    world: World, role: ObjectRole, to_group: bool
) -> None:
    noun = NOUN_OF[role]
    granted, other = world.rows[noun][THEIRS], world.rows[noun][OURS]
    holder = {"organization": world.labs[OURS]} if to_group else {"user": world.users[OWN]}
    await Grant.create(**holder, resource=noun, object_id=granted.id, role=role)
    principal = world.me(*(rule for rule in RULES.values() if rule.scope is Scope.OWN))
    reach = REACHES[noun]

    for resource, operation in (*OBJECT_ROLES[role], *((noun, operation) for operation in Operation)):
        allowed = (resource, operation) in OBJECT_ROLES[role]
        assert await reach.covers(principal, operation, granted, resource) is allowed, (resource, operation)
        assert (granted.id in [row.pk for row in await reach.rows(principal, operation, resource)]) is allowed
        assert not await reach.covers(principal, operation, other, resource)


async def test_a_credential_without_the_rule_does_not_use_a_grant(world: World) -> None:
    own = world.rows["workstation"][OWN]

    assert await REACHES["workstation"].covers(world.me(Rule.parse("workstation:edit:own")), Operation.EDIT, own)
    assert not await REACHES["workstation"].covers(world.me(Rule.parse("workstation:view:own")), Operation.EDIT, own)


async def test_a_rule_for_one_organization_reaches_nothing_of_another(world: World) -> None:
    rule = Rule.parse("user:view:organization")
    me, there = world.users[OWN].id, world.labs[THEIRS].id
    both = frozenset({world.labs[OURS].id, there})
    principal = Principal(PrincipalKind.USER, me, frozenset({rule}), both, anchored=frozenset({(rule, there)}))

    assert await reached(world, principal, "user", Operation.VIEW) == {OWN, THEIRS}
