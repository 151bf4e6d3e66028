"""Who sees data sessions, works in them and shares them."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.data.datasessions import Datasession
from models.permissions.principal import Principal, PrincipalKind
from models.policies.row_access import Granted, Mine, Of, Only, Reach, Related
from models.policies.verdicts import Verdict
from models.sessions.sessions import Session

HELD = (Mine("creator_id"), Granted(Resource.DATASESSION))


def _held(principal: Principal, permission: Permission) -> Q:
    return Q(*(condition.sql(principal, permission) for condition in HELD), join_type=Q.OR)


def _lent_to_the_desk(principal: Principal, permission: Permission) -> Q:
    lent = Session.filter(id=principal.session_id, datasession_id__isnull=False)
    return Q(id__in=Subquery(lent.values("datasession_id"))) & _held(principal, permission)


DATASESSIONS = Reach(
    Datasession,
    Resource.DATASESSION,
    own=HELD,
    organization=(Of("organization_id"),),
    desk=(Only(Operation.VIEW, Related(_lent_to_the_desk)),),
)
"""A desk sees the one data session that its session was launched for, while its creator may see it."""


def readable(principal: Principal) -> QuerySet[Datasession]:
    """Return the principal's own data sessions, those granted to it, and those of its organizations."""
    return DATASESSIONS.rows(principal, Operation.VIEW)


def can_create(principal: Principal, organization_id: int | None = None) -> Verdict:
    """Can the principal make a data session, and let it belong to the organization if one is named?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person makes data sessions."
    if organization_id is not None and organization_id not in principal.organization_ids:
        return "You can make data sessions for your own organizations only."
    return principal.may(Resource.DATASESSION, Operation.CREATE) or "Your credential may not make data sessions."


async def can_edit(principal: Principal, datasession: Datasession) -> Verdict:
    """Can the principal rename the data session, and add and remove files?"""
    allowed = await DATASESSIONS.covers(principal, Operation.EDIT, datasession)
    return allowed or "Only its creator or an editor changes a data session."


def can_delete(principal: Principal, datasession: Datasession) -> Verdict:
    """Can the principal delete the data session with all that was computed in it?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person deletes data sessions."
    mine = principal.may(Resource.DATASESSION, Operation.DELETE) and datasession.creator_id == principal.user_id
    return (
        mine
        or DATASESSIONS.everywhere(principal, Operation.DELETE)
        or "Only its creator or an operator deletes a data session."
    )


async def can_share(principal: Principal, datasession: Datasession) -> Verdict:
    """Can the principal give and take roles on the data session?"""
    allowed = await DATASESSIONS.covers(principal, Operation.EDIT, datasession)
    return allowed or "Only its creator or an editor shares a data session."


async def can_lend(principal: Principal, datasession: Datasession) -> Verdict:
    """Can the principal launch a workstation for the data session? Its desk sees what is held, not what a lab shows."""
    permission = Permission(Resource.DATASESSION, Operation.VIEW)
    held = await Datasession.filter(_held(principal, permission)).filter(id=datasession.id).exists()
    return held or "A workstation is launched for a data session of your own, or one that is granted to you."
