"""Who sees collaborations and decides who takes part in them."""

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from models.accounts.collaborations import Collaboration, Participant
from models.accounts.roles import Operation, Permission, Resource, Scope
from models.permissions.principal import Principal
from models.policies.row_access import Reach, Within
from models.policies.verdicts import Verdict

COLLABORATIONS = Reach(Collaboration, Resource.COLLABORATION, organization=(Within("id"),))
"""Those of an organization are the ones in which it takes part, whoever else does."""


def readable(principal: Principal) -> QuerySet[Collaboration]:
    """Return all collaborations, or those in which an organization takes part where the principal sees them."""
    return COLLABORATIONS.rows(principal, Operation.VIEW)


def readable_participants(principal: Principal) -> QuerySet[Participant]:
    """Return who takes part in the collaborations that the principal may see."""
    return Participant.filter(collaboration_id__in=Subquery(readable(principal).values("id")))


def editable(principal: Principal) -> QuerySet[Collaboration]:
    """Return the collaborations that the principal may edit."""
    return COLLABORATIONS.rows(principal, Operation.EDIT)


def can_create(principal: Principal) -> Verdict:
    """Can the principal found a collaboration?"""
    allowed = principal.reaches(Resource.COLLABORATION, Operation.CREATE, Scope.GLOBAL)
    return allowed or "Only who may do so everywhere founds collaborations."


async def can_edit(principal: Principal, collaboration: Collaboration) -> Verdict:
    """Can the principal rename the collaboration and remove organizations from it?"""
    allowed = await COLLABORATIONS.covers(principal, Operation.EDIT, collaboration)
    return allowed or "Only who edits the collaborations of an organization that takes part changes this one."


async def can_add_organization(
    principal: Principal, collaboration: Collaboration, organization_id: int | None = None
) -> Verdict:
    """Can the principal let the organization take part? Who takes part is reached by the others' people.

    So it takes somebody who decides over the organization's collaborations as well.
    """
    verdict = await can_edit(principal, collaboration)
    if verdict is not True or organization_id is None:
        return verdict
    permission = Permission(Resource.COLLABORATION, Operation.EDIT)
    if principal.reaches(*permission, Scope.GLOBAL) or organization_id in principal.places(permission):
        return True
    return "Only who edits the collaborations of that organization, too, lets it take part."
