"""Who sees, launches and edits workstations."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.access import Grant, ObjectRole, Operation, Resource, Scope
from models.policies.verdicts import Verdict
from models.principal import Principal, PrincipalKind
from models.sessions import Session
from models.workstations import Workstation


def grants(principal: Principal, *roles: ObjectRole) -> QuerySet[Grant]:
    """Return the grants on workstations that the principal holds, itself or through an organization."""
    holder = Q(user_id=principal.user_id) | Q(organization_id__in=sorted(principal.organization_ids))
    return Grant.filter(holder, resource=Resource.WORKSTATION, role__in=list(roles or ObjectRole))


def readable(principal: Principal) -> QuerySet[Workstation]:
    """Return all workstations, or the public ones, the principal's own, and those granted to it.

    A desk sees the workstation that it is a session of.
    """
    if not principal.may(Resource.WORKSTATION, Operation.VIEW):
        return Workstation.filter(id__in=[])
    if principal.kind is PrincipalKind.DESK:
        mine = Session.filter(id=principal.session_id).values("image__workstation_id")
        return Workstation.filter(id__in=Subquery(mine))
    if principal.reaches(Resource.WORKSTATION, Operation.VIEW, Scope.GLOBAL):
        return Workstation.all()
    granted = Subquery(grants(principal).values("object_id"))
    return Workstation.filter(Q(is_public=True) | Q(creator_id=principal.user_id) | Q(id__in=granted))


def editable(principal: Principal) -> QuerySet[Workstation]:
    """Return the workstations that the principal may edit."""
    if principal.kind is not PrincipalKind.USER:
        return Workstation.filter(id__in=[])
    if principal.reaches(Resource.WORKSTATION, Operation.EDIT, Scope.GLOBAL):
        return Workstation.all()
    granted = Subquery(grants(principal, ObjectRole.WORKSTATION_EDITOR).values("object_id"))
    return Workstation.filter(id__in=granted)


def can_create(principal: Principal) -> Verdict:
    """Can the principal make a workstation?"""
    return principal.may(Resource.WORKSTATION, Operation.CREATE) or "Only a builder or an operator makes workstations."


async def can_edit(principal: Principal, workstation: Workstation) -> Verdict:
    """Can the principal edit the workstation and bring images for it?"""
    allowed = await editable(principal).filter(id=workstation.id).exists()
    return allowed or "Only an editor of a workstation changes it."
