"""Computes the effective permissions of users from their roles, direct rules, memberships and grants."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tortoise.expressions import Q, RawSQL

from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import OBJECT_ROLE_PERMISSIONS, Grant, ObjectRole, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.users import User
from models.permissions.rules import MEMBER_ROLE_RULES, parse_known_rules

OrgRule = tuple[Rule, int]
MAX_IDS_PER_QUERY = 5_000
"""Databases limit the length of a statement, so larger sets of ids are read in several queries."""


@dataclass(frozen=True)
class EffectivePermissions:
    """The rules of a user, and the organizations that rules wider than own apply to.

    `organization_ids` are the organizations that the user belongs to: by membership, and the home organization.
    """

    rules: frozenset[Rule]
    org_rules: frozenset[OrgRule]
    organization_ids: frozenset[int]


@dataclass(frozen=True)
class PermissionFacts:
    """The rows that determine a user's permissions. Users with equal facts have equal permissions."""

    home_organization_id: int | None
    memberships: frozenset[tuple[int, MemberRole]]
    direct_rules: frozenset[str]
    roles: frozenset[tuple[int | None, tuple[str, ...]]]
    object_roles: frozenset[ObjectRole]

    @property
    def organization_ids(self) -> frozenset[int]:
        """The organizations that the user belongs to."""
        home = set() if self.home_organization_id is None else {self.home_organization_id}
        return frozenset({organization_id for organization_id, _ in self.memberships} | home)


async def load_effective_permissions(user_ids: Iterable[int]) -> Mapping[int, EffectivePermissions]:
    """Return the current permissions of each user. Any number of users takes the same few queries."""
    keys = sorted(set(user_ids))
    found: dict[int, EffectivePermissions] = {}
    for start in range(0, len(keys), MAX_IDS_PER_QUERY):
        facts = await _facts(keys[start : start + MAX_IDS_PER_QUERY])
        found |= {user_id: derive_permissions(each) for user_id, each in facts.items()}
    return found


@lru_cache(maxsize=2048)
def derive_permissions(facts: PermissionFacts) -> EffectivePermissions:
    """Return the permissions that follow from the facts."""
    direct = parse_known_rules(facts.direct_rules)
    rules, org_rules = set(direct), set(_as_org_rules(direct, facts.home_organization_id))
    for organization_id, texts in facts.roles:
        if organization_id is None or organization_id in facts.organization_ids:
            rules |= parse_known_rules(texts)
            org_rules |= set(_as_org_rules(parse_known_rules(texts), organization_id or facts.home_organization_id))
    for organization_id, role in facts.memberships:
        rules |= MEMBER_ROLE_RULES[role]
        org_rules |= set(_as_org_rules(MEMBER_ROLE_RULES[role], organization_id))
    rules |= {
        Rule(*permission, Scope.OWN) for role in facts.object_roles for permission in OBJECT_ROLE_PERMISSIONS[role]
    }
    return EffectivePermissions(frozenset(rules), frozenset(org_rules), facts.organization_ids)


def _as_org_rules(rules: Iterable[Rule], organization_id: int | None) -> Iterator[OrgRule]:
    if organization_id is not None:
        yield from ((rule, organization_id) for rule in rules if rule.scope is not Scope.OWN)


async def _facts(user_ids: Collection[int]) -> Mapping[int, PermissionFacts]:
    homes: dict[int, int | None] = dict(await _rows(User, "id", user_ids, "home_organization_id"))
    members = _group_by_key(await _rows(Membership, "user_id", user_ids, "organization_id", "role"))
    direct = _group_by_key(await _rows(UserRule, "user_id", user_ids, "rule"))
    roles = await _roles(user_ids)
    organizations = {user_id: {each for each, _ in members[user_id]} | {homes[user_id]} - {None} for user_id in homes}
    object_roles = await _object_roles(organizations)
    return {
        user_id: PermissionFacts(
            home_organization_id=home,
            memberships=frozenset((organization_id, MemberRole(role)) for organization_id, role in members[user_id]),
            direct_rules=frozenset(rule for (rule,) in direct[user_id]),
            roles=roles[user_id],
            object_roles=object_roles[user_id],
        )
        for user_id, home in homes.items()
    }


async def _rows(model: Any, key: str, keys: Collection[int], *columns: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = await model.filter(**{f"{key}__in": sql_int_list(keys)}).values_list(key, *columns)
    return found


def sql_int_list(keys: Iterable[int]) -> RawSQL:
    """Return ids as an SQL list. As parameters, a thousand of them take longer than the query itself."""
    return RawSQL(f"({','.join(str(int(key)) for key in keys) or 'NULL'})")


def _group_by_key(rows: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    grouped: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for key, *rest in rows:
        grouped[key].append(tuple(rest))
    return grouped


async def _roles(user_ids: Collection[int]) -> defaultdict[int, frozenset[tuple[int | None, tuple[str, ...]]]]:
    holders = await _rows(RoleHolder, "user_id", user_ids, "role_id")
    rows = await _rows(Role, "id", {role_id for _, role_id in holders}, "organization_id", "rules") if holders else []
    roles = {key: (organization_id, tuple(rules)) for key, organization_id, rules in rows}
    found: defaultdict[int, frozenset[tuple[int | None, tuple[str, ...]]]] = defaultdict(frozenset)
    for user_id, role_id in holders:
        if role_id in roles:
            found[user_id] |= {roles[role_id]}
    return found


async def _object_roles(organizations: Mapping[int, set[int | None]]) -> defaultdict[int, frozenset[ObjectRole]]:
    # A grant on any object implies the rules of scope own. Row access then checks the grant of the object itself.
    all_ids = {each for ids in organizations.values() for each in ids if each is not None}
    holder = Q(user_id__in=sql_int_list(organizations)) | Q(organization_id__in=sql_int_list(all_ids))
    rows: Any = await Grant.filter(holder).distinct().values_list("user_id", "organization_id", "role")
    of_users = _group_by_key((user_id, role) for user_id, _, role in rows if user_id is not None)
    of_organizations = _group_by_key((each, role) for _, each, role in rows if each is not None)
    found: defaultdict[int, frozenset[ObjectRole]] = defaultdict(frozenset)
    for user_id, ids in organizations.items():
        roles = [*of_users[user_id], *(role for each in ids if each is not None for role in of_organizations[each])]
        found[user_id] = frozenset(ObjectRole(role) for (role,) in roles)
    return found
