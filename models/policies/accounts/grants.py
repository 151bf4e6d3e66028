"""Who sees grants, and who gives and takes them."""

from collections.abc import Mapping
from typing import Any

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Grant, Operation, Resource
from models.permissions.principal import Principal
from models.permissions.rules import shared_with
from models.permissions.tables import ObjectRole
from models.policies.data.datasessions import DATASESSIONS
from models.policies.delegation import OWN, can_give_on
from models.policies.row_access import Reach, among
from models.policies.sessions.workstations import WORKSTATIONS
from models.policies.verdicts import Verdict

GRANTED: Mapping[Resource, Reach[Any]] = {
    Resource.WORKSTATION: WORKSTATIONS,
    Resource.DATASESSION: DATASESSIONS,
}
"""The nouns on whose objects roles are granted; one with object roles in its table stands here as soon as it exists."""


def readable(principal: Principal) -> QuerySet[Grant]:
    """Return the grants that the principal holds or may give, itself or through its organizations."""
    if not principal.may(Resource.ROLE, Operation.VIEW):
        return Grant.filter(id__in=[])
    seen = Q(user_id=principal.user_id) | among("organization_id", principal.organization_ids)
    for resource, reach in GRANTED.items():
        permission = shared_with(resource)
        if permission is not None:
            rows = reach.rows(principal, permission.operation, permission.resource)
            seen |= Q(resource=resource, object_id__in=Subquery(rows.values("id")))
    return Grant.filter(seen)


async def can_give(
    principal: Principal, resource: Resource, row: Any, role: ObjectRole, user_id: int | None
) -> Verdict:
    """Can the principal give the user, or an organization if there is none, the role on the object, or take it?"""
    permission = shared_with(resource)
    reach = GRANTED[resource]
    if permission is None or not await reach.covers(principal, permission.operation, row, permission.resource):
        return f"Only who may {permission.operation if permission else 'share'} it shares it."
    return OWN if user_id == principal.user_id else await can_give_on(principal, reach, row, role)
