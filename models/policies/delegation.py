"""Delegation: callers can give and revoke only permissions that they have, and never change their own."""

from collections.abc import Iterable

from models.accounts.roles import OBJECT_ROLE_PERMISSIONS, ObjectRole, Rule, Scope
from models.permissions.principal import Principal
from models.permissions.rules import sharing_permission
from models.policies import PolicyDecision
from models.policies.row_access import M, RowAccess, has_permission_for

CANNOT_CHANGE_OWN = "You cannot change your own permissions; ask another user who may change them."


async def missing_rule(principal: Principal, rules: Iterable[Rule], organization_id: int | None) -> str:
    """Return why the principal cannot delegate these rules for the organization, or an empty text if it can."""
    for rule in sorted(rules):
        if not principal.has_rule(rule, organization_id) and not await _has_rule_by_collaboration(
            principal, rule, organization_id
        ):
            return f"You do not have {rule} there, so you can neither give nor revoke it."
    return ""


async def _has_rule_by_collaboration(principal: Principal, rule: Rule, organization_id: int | None) -> bool:
    # A collaboration covers rules of scope organization at a collaborator, but not that collaborator's own partners.
    return rule.scope is Scope.ORGANIZATION and await has_permission_for(organization_id, principal, rule.permission)


async def can_grant_role(principal: Principal, row_access: RowAccess[M], row: M, role: ObjectRole) -> PolicyDecision:
    """Return whether the principal has all permissions of the object role on this row, and can grant or revoke it."""
    for permission in sorted(OBJECT_ROLE_PERMISSIONS[role]):
        if not await row_access.allows(principal, permission.verb, row, permission.resource):
            return f"You do not have {permission} on it, so you can neither give nor revoke {role}."
    return True


async def can_grant(
    principal: Principal, row_access: RowAccess[M], row: M, role: ObjectRole, user_id: int | None
) -> PolicyDecision:
    """Return whether the principal can grant the role on the object to the user, or revoke it.

    `user_id` is None for a grant to an organization.
    """
    permission = sharing_permission(row_access.resource)
    if permission is None or not await row_access.allows(principal, permission.verb, row, permission.resource):
        return f"Only users who can {permission.verb if permission else 'share'} it can share it."
    return CANNOT_CHANGE_OWN if user_id == principal.user_id else await can_grant_role(principal, row_access, row, role)
