"""Policies of grants."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Grant, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.permissions.rules import sharing_permission
from models.policies import registry
from models.policies.row_access import column_in


def readable(principal: Principal) -> QuerySet[Grant]:
    """Return the grants to the principal or its organizations, and those on objects that it can share."""
    if not principal.has_permission(Resource.ROLE, PermissionVerb.VIEW):
        return Grant.filter(id__in=[])
    visible = Q(user_id=principal.user_id) | column_in("organization_id", principal.organization_ids)
    for resource, row_access in registry.grantable().items():
        permission = sharing_permission(resource)
        if permission is not None:
            rows = row_access.rows(principal, permission.verb, permission.resource)
            visible |= Q(resource=resource, object_id__in=Subquery(rows.values("id")))
    return Grant.filter(visible)
