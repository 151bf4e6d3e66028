"""What users hold: the rules of their roles, their own, those of their memberships, and those that grants imply."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tortoise.expressions import Q, RawSQL

from models.accounts.organizations import MemberRole, Membership
from models.accounts.roles import OBJECT_ROLES, Grant, ObjectRole, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.users import User
from models.permissions.rules import MEMBER_ROLES, known

Anchored = tuple[Rule, int]
AT_ONCE = 5_000
"""How many users one statement asks about, since databases bound the length of one."""


@dataclass(frozen=True)
class Holdings:
    """All rules of a user, for which organization those hold that reach further than their own things, and `places`.

    These are the organizations that the user belongs to: where they are a member, and their home.
    """

    rules: frozenset[Rule]
    anchored: frozenset[Anchored]
    places: frozenset[int]


@dataclass(frozen=True)
class Facts:
    """What the rows say of one user; who has the same facts holds the same."""

    home: int | None
    members: frozenset[tuple[int, MemberRole]]
    direct: frozenset[str]
    roles: frozenset[tuple[int | None, tuple[str, ...]]]
    granted: frozenset[ObjectRole]

    @property
    def places(self) -> frozenset[int]:
        """The organizations that the user belongs to."""
        return frozenset({place for place, _ in self.members} | ({self.home} if self.home is not None else set()))


async def holdings_of(user_ids: Iterable[int]) -> Mapping[int, Holdings]:
    """Return what each of the users holds now; hundreds of them take as many statements as one."""
    keys = sorted(set(user_ids))
    found: dict[int, Holdings] = {}
    for start in range(0, len(keys), AT_ONCE):
        facts = await _facts(keys[start : start + AT_ONCE])
        found |= {user_id: held(each) for user_id, each in facts.items()}
    return found


@lru_cache(maxsize=2048)
def held(facts: Facts) -> Holdings:
    """Return what follows from the facts."""
    direct = known(facts.direct)
    rules, anchored = set(direct), set(_at(direct, facts.home))
    for organization_id, texts in facts.roles:
        if organization_id is None or organization_id in facts.places:
            rules |= known(texts)
            anchored |= set(_at(known(texts), organization_id or facts.home))
    for organization_id, role in facts.members:
        rules |= MEMBER_ROLES[role]
        anchored |= set(_at(MEMBER_ROLES[role], organization_id))
    rules |= {Rule(*allowed, Scope.OWN) for role in facts.granted for allowed in OBJECT_ROLES[role]}
    return Holdings(frozenset(rules), frozenset(anchored), facts.places)


def _at(rules: Iterable[Rule], organization_id: int | None) -> Iterator[Anchored]:
    if organization_id is not None:
        yield from ((rule, organization_id) for rule in rules if rule.scope is not Scope.OWN)


async def _facts(user_ids: Collection[int]) -> Mapping[int, Facts]:
    homes: dict[int, int | None] = dict(await _rows(User, "id", user_ids, "home_organization_id"))
    members = _each(await _rows(Membership, "user_id", user_ids, "organization_id", "role"))
    direct = _each(await _rows(UserRule, "user_id", user_ids, "rule"))
    roles = await _roles(user_ids)
    places = {user_id: {place for place, _ in members[user_id]} | {homes[user_id]} - {None} for user_id in homes}
    granted = await _granted(places)
    return {
        user_id: Facts(
            home=home,
            members=frozenset((place, MemberRole(role)) for place, role in members[user_id]),
            direct=frozenset(rule for (rule,) in direct[user_id]),
            roles=roles[user_id],
            granted=granted[user_id],
        )
        for user_id, home in homes.items()
    }


async def _rows(model: Any, key: str, keys: Collection[int], *columns: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = await model.filter(**{f"{key}__in": written(keys)}).values_list(key, *columns)
    return found


def written(keys: Iterable[int]) -> RawSQL:
    """Return keys as a statement lists them: as parameters a thousand of them take longer than the statement itself."""
    return RawSQL(f"({','.join(str(int(key)) for key in keys) or 'NULL'})")


def _each(rows: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
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


async def _granted(places: Mapping[int, set[int | None]]) -> defaultdict[int, frozenset[ObjectRole]]:
    """Return the object roles that each user holds on anything: what is granted may be done to that object."""
    everywhere = {place for among in places.values() for place in among if place is not None}
    holder = Q(user_id__in=written(places)) | Q(organization_id__in=written(everywhere))
    rows: Any = await Grant.filter(holder).distinct().values_list("user_id", "organization_id", "role")
    of_users = _each((user_id, role) for user_id, _, role in rows if user_id is not None)
    of_places = _each((place, role) for _, place, role in rows if place is not None)
    found: defaultdict[int, frozenset[ObjectRole]] = defaultdict(frozenset)
    for user_id, among in places.items():
        roles = [*of_users[user_id], *(role for place in among if place is not None for role in of_places[place])]
        found[user_id] = frozenset(ObjectRole(role) for (role,) in roles)
    return found
