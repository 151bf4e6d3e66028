"""Policies of roles, role holders and direct rules."""

from collections.abc import Iterable

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource, Role, RoleHolder, Rule, Scope, UserRule
from models.accounts.users import User
from models.permissions.principal import Principal
from models.permissions.rules import parse_known_rules
from models.policies import PolicyDecision
from models.policies.accounts import users as accounts_users
from models.policies.delegation import CANNOT_CHANGE_OWN, missing_rule
from models.policies.row_access import (
    ColumnEquals,
    ForVerb,
    InOrganization,
    OwnedBy,
    RowAccess,
    SqlCondition,
    has_permission_for,
    in_permitted_organization,
)


def _assigned_roles(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(RoleHolder.filter(user_id=principal.user_id).values("role_id")))


def _of_residents(principal: Principal, permission: Permission) -> Q:
    users = User.filter(in_permitted_organization("home_organization_id", principal, permission))
    return Q(user_id__in=Subquery(users.values("id")))


ROLES = RowAccess(
    Role,
    Resource.ROLE,
    own=(
        ForVerb(PermissionVerb.VIEW, SqlCondition(_assigned_roles)),
        ForVerb(PermissionVerb.VIEW, ColumnEquals("organization_id", None)),
    ),
    organization=(InOrganization("organization_id"),),
)
"""Roles without an organization are visible to all who can see roles. Changing one takes a global rule."""
HOLDERS = RowAccess(RoleHolder, Resource.ROLE, own=(OwnedBy("user_id"),), organization=(SqlCondition(_of_residents),))
USER_RULES = RowAccess(UserRule, Resource.ROLE, own=(OwnedBy("user_id"),), organization=(SqlCondition(_of_residents),))


def readable(principal: Principal) -> QuerySet[Role]:
    """Return the global roles, the principal's own roles, and those of organizations where it can see roles."""
    return ROLES.rows(principal, PermissionVerb.VIEW)


def readable_holders(principal: Principal) -> QuerySet[RoleHolder]:
    """Return the role holders: the principal, and users whose home organization lets it see roles."""
    return HOLDERS.rows(principal, PermissionVerb.VIEW)


def readable_rules(principal: Principal) -> QuerySet[UserRule]:
    """Return the direct rules of the principal, and of users whose home organization lets it see roles."""
    return USER_RULES.rows(principal, PermissionVerb.VIEW)


async def can_create(
    principal: Principal, organization_id: int | None = None, rules: Iterable[Rule] = ()
) -> PolicyDecision:
    """Return whether the principal can create a role with these rules, for the organization or a global one."""
    permission = Permission(Resource.ROLE, PermissionVerb.CREATE)
    if not principal.has_scope(*permission, Scope.GLOBAL):
        if organization_id is None:
            return "Only an operator can create global roles; name your organization."
        if not await has_permission_for(organization_id, principal, permission):
            return "You may not create roles in this organization."
    return await missing_rule(principal, rules, organization_id) or True


async def can_update(principal: Principal, role: Role, rules: Iterable[Rule] | None = None) -> PolicyDecision:
    """Return whether the principal can change the role to these rules. It must have all added and removed rules."""
    decision = await _can_change(principal, role, PermissionVerb.EDIT)
    changed = frozenset() if rules is None else parse_known_rules(role.rules) ^ frozenset(rules)
    return decision if decision is not True else await missing_rule(principal, changed, role.organization_id) or True


async def can_delete(principal: Principal, role: Role) -> PolicyDecision:
    """Return whether the principal can delete the role. It must have all its rules, since the holders lose them."""
    decision = await _can_change(principal, role, PermissionVerb.DELETE)
    return (
        decision
        if decision is not True
        else await missing_rule(principal, parse_known_rules(role.rules), role.organization_id) or True
    )


async def _can_change(principal: Principal, role: Role, verb: PermissionVerb) -> PolicyDecision:
    if role.is_default:
        return "The default roles are defined in code; create a role of your own."
    if not await ROLES.allows(principal, verb, role):
        return "Only users who can edit the roles of its organization can change a role."
    is_own = await RoleHolder.filter(role_id=role.id, user_id=principal.user_id).exists()
    return CANNOT_CHANGE_OWN if is_own else True


async def can_assign(principal: Principal, user: User, role: Role) -> PolicyDecision:
    """Return whether the principal can assign the role to the user, or unassign it."""
    organization_id = role.organization_id or user.home_organization_id
    return await can_change_rules(principal, user, parse_known_rules(role.rules), organization_id)


async def can_assign_rule(principal: Principal, user: User, rule: Rule) -> PolicyDecision:
    """Return whether the principal can assign the rule to the user, or unassign it."""
    return await can_change_rules(principal, user, [rule], user.home_organization_id)


async def can_change_rules(
    principal: Principal, user: User, rules: Iterable[Rule], organization_id: int | None
) -> PolicyDecision:
    """Return whether the principal can give the user these rules for the organization, or revoke them."""
    decision = await accounts_users.can_change_permissions(principal, user)
    return decision if decision is not True else await missing_rule(principal, rules, organization_id) or True
