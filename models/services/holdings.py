"""What a user holds: the rules of their roles, their own, those of their memberships, and those that grants imply."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tortoise.expressions import Q

from models.access import OBJECT_ROLES, Grant, ObjectRole, Role, Rule, Scope, UserRule
from models.accounts import User
from models.organizations import Membership
from models.rules import MEMBER_ROLES, known

Anchored = tuple[Rule, int]


@dataclass(frozen=True)
class Holdings:
    """All rules of a user, for which organization those hold that reach further than their own things, and `places`.

    These are the organizations that the user belongs to: where they are a member, and their home.
    """

    rules: frozenset[Rule]
    anchored: frozenset[Anchored]
    places: frozenset[int]


async def holdings(user_id: int, members: Sequence[Membership]) -> Holdings:
    """Return what a user with these memberships holds now."""
    home = await _home(user_id)
    roles = await Role.filter(holders__user_id=user_id)
    direct = known(await UserRule.filter(user_id=user_id).values_list("rule", flat=True))  # type: ignore[arg-type]
    places = {each.organization_id for each in members} | ({home} if home is not None else set())
    rules, anchored = set(direct), set(_at(direct, home))
    for role in roles:
        if role.organization_id is None or role.organization_id in places:
            rules |= known(role.rules)
            anchored |= set(_at(known(role.rules), role.organization_id or home))
    for member in members:
        rules |= MEMBER_ROLES[member.role]
        anchored |= set(_at(MEMBER_ROLES[member.role], member.organization_id))
    return Holdings(frozenset(rules) | await _granted(user_id, places), frozenset(anchored), frozenset(places))


async def _home(user_id: int) -> int | None:
    user = await User.get_or_none(id=user_id).only("id", "home_organization_id")
    return user.home_organization_id if user else None


def _at(rules: Iterable[Rule], organization_id: int | None) -> Iterator[Anchored]:
    if organization_id is not None:
        yield from ((rule, organization_id) for rule in rules if rule.scope is not Scope.OWN)


async def _granted(user_id: int, places: set[int]) -> frozenset[Rule]:
    """Return the rules on what is granted: whoever holds a grant may do to that object what its role allows."""
    holder = Q(user_id=user_id) | Q(organization_id__in=sorted(places))
    roles = await Grant.filter(holder).distinct().values_list("role", flat=True)
    return frozenset(Rule(*allowed, Scope.OWN) for role in roles for allowed in OBJECT_ROLES[ObjectRole(str(role))])
