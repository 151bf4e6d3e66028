"""Policies of users."""

from collections.abc import Iterable

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from core.errors import BadInput
from models.accounts.organizations import Membership
from models.accounts.roles import Permission, PermissionVerb, Resource, Rule, Scope
from models.accounts.users import User
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.delegation import CANNOT_CHANGE_OWN, missing_rule
from models.policies.row_access import (
    ForVerb,
    InOrganization,
    OwnedBy,
    RowAccess,
    SqlCondition,
    has_permission_for,
    in_permitted_organization,
)

USERNAME_LIMIT = 128


def _members(principal: Principal, permission: Permission) -> Q:
    # Guests count as members here.
    members = Membership.filter(in_permitted_organization("organization_id", principal, permission))
    return Q(id__in=Subquery(members.values("user_id")))


USERS = RowAccess(
    User,
    Resource.USER,
    own=(OwnedBy("id"),),
    organization=(InOrganization("home_organization_id"), ForVerb(PermissionVerb.VIEW, SqlCondition(_members))),
)
"""Any organization of a user can make the user visible, but only the home organization can change them."""


def readable(principal: Principal) -> QuerySet[User]:
    """Return the users that the principal can see: all, those of its organizations, or only itself."""
    return USERS.rows(principal, PermissionVerb.VIEW)


async def can_register(
    principal: Principal, organization_id: int | None = None, rules: Iterable[Rule] = ()
) -> PolicyDecision:
    """Return whether the principal can create accounts with these rules, in the given home organization if any."""
    permission = Permission(Resource.USER, PermissionVerb.CREATE)
    if not principal.has_scope(*permission, Scope.GLOBAL):
        if organization_id is None:
            return "Only an operator can create accounts without a home organization; name one of yours."
        if not await has_permission_for(organization_id, principal, permission):
            return "You may not create accounts in this organization."
    return await missing_rule(principal, rules, organization_id) or True


async def can_change_permissions(principal: Principal, user: User) -> PolicyDecision:
    """Return whether the principal can change the user's roles and rules. Never its own."""
    if user.id == principal.user_id:
        return CANNOT_CHANGE_OWN
    allowed = await USERS.allows(principal, PermissionVerb.EDIT, user)
    return allowed or "Only users who can edit the users of this user's home organization can change their permissions."


async def get_by_username(username: str) -> User:
    """Return the active user with this exact name, to share an object with; BadInput if there is none."""
    is_possible = len(username) <= USERNAME_LIMIT and username.isprintable()
    user = await User.get_or_none(username=username, is_active=True) if is_possible else None
    if user is None:
        raise BadInput(f"There is no user {username[:USERNAME_LIMIT]!r}.", path=("username",))
    return user
