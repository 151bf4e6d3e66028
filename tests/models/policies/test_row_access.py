"""Row access: for every rule and kind of row, the query and the check of a single row agree and are correct."""

from collections.abc import Collection
from contextlib import suppress

import pytest

from core.settings import Settings
from models.accounts.organizations import MemberRole
from models.accounts.roles import DEFAULT_ROLES, OBJECT_ROLE_PERMISSIONS, Grant, ObjectRole, PermissionVerb, Rule, Scope
from models.permissions.principal import Principal, PrincipalKind
from models.permissions.rules import MEMBER_ROLE_RULES, OBJECT_ROLE_RESOURCE, RULES
from models.policies.registry import grantable
from tests.models.permission_rows import (
    COLLEAGUE,
    OWN,
    ROW_ACCESS,
    STRANGER,
    PermissionRows,
    create_permission_rows,
    expected,
)

ROW_VERBS = [verb for verb in PermissionVerb if verb is not PermissionVerb.CREATE]
"""The verbs on existing rows. tests/models/policies/test_policies.py covers the creation of rows."""


@pytest.fixture
async def permission_rows(database: Settings) -> PermissionRows:
    return await create_permission_rows()


async def accessible(
    permission_rows: PermissionRows, principal: Principal, kind: str, verb: PermissionVerb
) -> set[str]:
    """Return the owners whose rows the principal can access. The query and the check of each row must agree."""
    row_access, rows = ROW_ACCESS[kind], permission_rows.rows[kind]
    listed = {row.pk for row in await row_access.rows(principal, verb)}
    single = {owner for owner, row in rows.items() if await row_access.allows(principal, verb, row)}
    assert {owner for owner, row in rows.items() if row.pk in listed} == single, (kind, verb)
    with suppress(LookupError):
        assert {owner for owner, row in rows.items() if row_access.allows_without_query(principal, verb, row)} == single
    return single


def expected_owners(
    permission_rows: PermissionRows, kind: str, rules: Collection[Rule], verb: PermissionVerb
) -> set[str]:
    """Return the owners whose rows the rules cover together, by `expected`."""
    resource = ROW_ACCESS[kind].resource
    correct = [rule for rule in rules if (rule.resource, rule.verb) == (resource, verb)]
    found: set[str] = set().union(*(expected(kind, rule) for rule in correct))
    if kind == "image" and correct:
        found |= expected_owners(permission_rows, "workstation", rules, PermissionVerb.EDIT)
    return found & set(permission_rows.rows[kind])


async def test_each_rule_covers_exactly_its_scope(permission_rows: PermissionRows) -> None:
    wrong = {}
    for rule in RULES.values():
        for kind, row_access in ROW_ACCESS.items():
            if row_access.resource is rule.resource and rule.verb in ROW_VERBS:
                found = await accessible(permission_rows, permission_rows.principal(rule), kind, rule.verb)
                correct = expected_owners(permission_rows, kind, [rule], rule.verb)
                wrong |= {(str(rule), kind): (found, correct)} if found != correct else {}

    assert wrong == {}


async def test_rule_covers_its_resource_and_verb_only(permission_rows: PermissionRows) -> None:
    for rule in RULES.values():
        principal = permission_rows.principal(rule)
        for kind, row_access in ROW_ACCESS.items():
            for verb in PermissionVerb:
                if (row_access.resource, verb) == (rule.resource, rule.verb):
                    continue
                row = permission_rows.rows[kind][STRANGER]
                assert not await row_access.allows(principal, verb, row), (str(rule), kind, verb)
                assert not principal.has_permission(row_access.resource, verb)


DEFAULTS = {name: rules for name, (_, rules) in DEFAULT_ROLES.items()}
ROLES = DEFAULTS | {f"lab {each}": MEMBER_ROLE_RULES[each] for each in MemberRole}


@pytest.mark.parametrize("name", ROLES)
async def test_each_role_covers_the_sum_of_its_rules(permission_rows: PermissionRows, name: str) -> None:
    principal, wrong = permission_rows.principal(*ROLES[name]), {}
    for kind in ROW_ACCESS:
        for verb in ROW_VERBS:
            found = await accessible(permission_rows, principal, kind, verb)
            correct = expected_owners(permission_rows, kind, ROLES[name], verb)
            wrong |= {(kind, verb): (found, correct)} if found != correct else {}

    assert wrong == {}


GRANTABLE_ROLES = [role for role in ObjectRole if OBJECT_ROLE_RESOURCE[role] in grantable()]


@pytest.mark.parametrize("to_group", [False, True], ids=["to a person", "to a group"])
@pytest.mark.parametrize("role", GRANTABLE_ROLES)
async def test_object_role_covers_its_one_object_only(
    permission_rows: PermissionRows, role: ObjectRole, to_group: bool
) -> None:
    kind = OBJECT_ROLE_RESOURCE[role]
    granted, other = permission_rows.rows[kind][STRANGER], permission_rows.rows[kind][COLLEAGUE]
    holder = {"organization": permission_rows.labs[COLLEAGUE]} if to_group else {"user": permission_rows.users[OWN]}
    await Grant.create(**holder, resource=kind, object_id=granted.id, role=role)
    principal = permission_rows.principal(*(rule for rule in RULES.values() if rule.scope is Scope.OWN))
    row_access = ROW_ACCESS[kind]

    for resource, verb in (*OBJECT_ROLE_PERMISSIONS[role], *((kind, verb) for verb in PermissionVerb)):
        allowed = (resource, verb) in OBJECT_ROLE_PERMISSIONS[role]
        assert await row_access.allows(principal, verb, granted, resource) is allowed, (resource, verb)
        assert (granted.id in [row.pk for row in await row_access.rows(principal, verb, resource)]) is allowed
        assert not await row_access.allows(principal, verb, other, resource)


async def test_grant_takes_a_rule_of_the_credential(permission_rows: PermissionRows) -> None:
    own = permission_rows.rows["workstation"][OWN]

    assert await ROW_ACCESS["workstation"].allows(
        permission_rows.principal(Rule.parse("workstation:edit:own")), PermissionVerb.EDIT, own
    )
    assert not await ROW_ACCESS["workstation"].allows(
        permission_rows.principal(Rule.parse("workstation:view:own")), PermissionVerb.EDIT, own
    )


async def test_rule_of_one_organization_excludes_others(permission_rows: PermissionRows) -> None:
    rule = Rule.parse("user:view:organization")
    me, there = permission_rows.users[OWN].id, permission_rows.labs[STRANGER].id
    both = frozenset({permission_rows.labs[COLLEAGUE].id, there})
    principal = Principal(PrincipalKind.USER, me, frozenset({rule}), both, org_rules=frozenset({(rule, there)}))

    assert await accessible(permission_rows, principal, "user", PermissionVerb.VIEW) == {OWN, STRANGER}
