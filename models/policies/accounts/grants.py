"""Policies of grants."""

from collections.abc import Mapping
from typing import Any

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Grant, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.permissions.rules import sharing_permission
from models.permissions.tables import ObjectRole
from models.policies.data.datasessions import DATASESSIONS
from models.policies.delegation import CANNOT_CHANGE_OWN, can_grant_role
from models.policies.row_access import RowAccess, column_in
from models.policies.sessions.workstations import WORKSTATIONS
from models.policies.verdicts import PolicyDecision

GRANTABLE: Mapping[Resource, RowAccess[Any]] = {
    Resource.WORKSTATION: WORKSTATIONS,
    Resource.DATASESSION: DATASESSIONS,
}
"""The resources whose objects can be shared. A resource with object roles is added here with its model."""


def readable(principal: Principal) -> QuerySet[Grant]:
    """Return the grants to the principal or its organizations, and those on objects that it can share."""
    if not principal.has_permission(Resource.ROLE, PermissionVerb.VIEW):
        return Grant.filter(id__in=[])
    visible = Q(user_id=principal.user_id) | column_in("organization_id", principal.organization_ids)
    for resource, row_access in GRANTABLE.items():
        permission = sharing_permission(resource)
        if permission is not None:
            rows = row_access.rows(principal, permission.verb, permission.resource)
            visible |= Q(resource=resource, object_id__in=Subquery(rows.values("id")))
    return Grant.filter(visible)


async def can_grant(
    principal: Principal, resource: Resource, row: Any, role: ObjectRole, user_id: int | None
) -> PolicyDecision:
    """Return whether the principal can grant the role on the object to the user, or revoke it.

    `user_id` is None for a grant to an organization.
    """
    permission = sharing_permission(resource)
    row_access = GRANTABLE[resource]
    if permission is None or not await row_access.allows(principal, permission.verb, row, permission.resource):
        return f"Only users who can {permission.verb if permission else 'share'} it can share it."
    return CANNOT_CHANGE_OWN if user_id == principal.user_id else await can_grant_role(principal, row_access, row, role)
