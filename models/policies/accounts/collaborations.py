"""Policies of collaborations and their participants."""

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from models.accounts.collaborations import Collaboration, Participant
from models.accounts.roles import Permission, PermissionVerb, Resource, Scope
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.row_access import InCollaboration, RowAccess

COLLABORATIONS = RowAccess(Collaboration, Resource.COLLABORATION, organization=(InCollaboration("id"),))
"""A collaboration belongs to each of its participants."""


def readable(principal: Principal) -> QuerySet[Collaboration]:
    """Return all collaborations, or those of the organizations for which the principal has the permission."""
    return COLLABORATIONS.rows(principal, PermissionVerb.VIEW)


def readable_participants(principal: Principal) -> QuerySet[Participant]:
    """Return the participants of the collaborations that the principal can see."""
    return Participant.filter(collaboration_id__in=Subquery(readable(principal).values("id")))


def editable(principal: Principal) -> QuerySet[Collaboration]:
    """Return the collaborations that the principal can edit."""
    return COLLABORATIONS.rows(principal, PermissionVerb.EDIT)


def can_create(principal: Principal) -> PolicyDecision:
    """Return whether the principal can create collaborations."""
    allowed = principal.has_scope(Resource.COLLABORATION, PermissionVerb.CREATE, Scope.GLOBAL)
    return allowed or "Only users with a global rule can create collaborations."


async def can_edit(principal: Principal, collaboration: Collaboration) -> PolicyDecision:
    """Return whether the principal can rename the collaboration and remove organizations from it."""
    allowed = await COLLABORATIONS.allows(principal, PermissionVerb.EDIT, collaboration)
    return allowed or "Only users who can edit the collaborations of a participating organization can change this one."


async def can_add_organization(
    principal: Principal, collaboration: Collaboration, organization_id: int | None = None
) -> PolicyDecision:
    """Return whether the principal can add the organization.

    The principal must be able to edit the organization's collaborations too, since joining opens the organization's
    objects to the other participants.
    """
    decision = await can_edit(principal, collaboration)
    if decision is not True or organization_id is None:
        return decision
    permission = Permission(Resource.COLLABORATION, PermissionVerb.EDIT)
    if principal.has_scope(*permission, Scope.GLOBAL) or organization_id in principal.organizations_with(permission):
        return True
    return "Only users who can edit the collaborations of that organization, too, can add it."
