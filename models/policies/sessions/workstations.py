"""Who sees, launches and edits workstations."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.permissions.principal import Principal, PrincipalKind
from models.policies.row_access import Fact, Granted, Mine, Only, Reach, Related
from models.policies.verdicts import Verdict
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation


def _of_the_desk(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(id=principal.session_id).values("image__workstation_id")))


WORKSTATIONS = Reach(
    Workstation,
    Resource.WORKSTATION,
    own=(
        Only(Operation.VIEW, Fact("is_public", value=True)),
        Only(Operation.VIEW, Mine("creator_id")),
        Granted(Resource.WORKSTATION),
    ),
    desk=(Only(Operation.VIEW, Related(_of_the_desk)),),
)


def readable(principal: Principal) -> QuerySet[Workstation]:
    """Return all workstations, or the public ones, the principal's own, and those granted to it.

    A desk sees the workstation that it is a session of.
    """
    return WORKSTATIONS.rows(principal, Operation.VIEW)


def editable(principal: Principal) -> QuerySet[Workstation]:
    """Return the workstations that the principal may edit."""
    return WORKSTATIONS.rows(principal, Operation.EDIT)


def can_create(principal: Principal) -> Verdict:
    """Can the principal make a workstation?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person makes workstations."
    return principal.may(Resource.WORKSTATION, Operation.CREATE) or "Only a builder or an operator makes workstations."


async def can_edit(principal: Principal, workstation: Workstation) -> Verdict:
    """Can the principal edit the workstation and bring images for it?"""
    allowed = await WORKSTATIONS.covers(principal, Operation.EDIT, workstation)
    return allowed or "Only an editor of a workstation changes it."


async def can_share(principal: Principal, workstation: Workstation) -> Verdict:
    """Can the principal give and take roles on the workstation?"""
    allowed = await WORKSTATIONS.covers(principal, Operation.EDIT, workstation)
    return allowed or "Only an editor of a workstation shares it."
