"""Policies of workstations."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.row_access import ColumnEquals, ForVerb, HasGrant, OwnedBy, RowAccess, SqlCondition
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation


def _of_session_token(principal: Principal, _permission: Permission) -> Q:
    return Q(id__in=Subquery(Session.filter(id=principal.session_id).values("image__workstation_id")))


WORKSTATIONS = RowAccess(
    Workstation,
    Resource.WORKSTATION,
    own=(
        ForVerb(PermissionVerb.VIEW, ColumnEquals("is_public", value=True)),
        ForVerb(PermissionVerb.VIEW, OwnedBy("creator_id")),
        HasGrant(Resource.WORKSTATION),
    ),
    session_token=(ForVerb(PermissionVerb.VIEW, SqlCondition(_of_session_token)),),
)


def readable(principal: Principal) -> QuerySet[Workstation]:
    """Return all workstations, or the public ones, the principal's own, and those granted to it.

    A session token sees the workstation of its session.
    """
    return WORKSTATIONS.rows(principal, PermissionVerb.VIEW)


def editable(principal: Principal) -> QuerySet[Workstation]:
    """Return the workstations that the principal can edit."""
    return WORKSTATIONS.rows(principal, PermissionVerb.EDIT)


def can_create(principal: Principal) -> PolicyDecision:
    """Return whether the principal can create workstations."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can create workstations."
    return (
        principal.has_permission(Resource.WORKSTATION, PermissionVerb.CREATE)
        or "Only a builder or an operator can create workstations."
    )


async def can_edit(principal: Principal, workstation: Workstation) -> PolicyDecision:
    """Return whether the principal can edit the workstation and import images for it."""
    allowed = await WORKSTATIONS.allows(principal, PermissionVerb.EDIT, workstation)
    return allowed or "Only an editor of a workstation can change it."


async def can_share(principal: Principal, workstation: Workstation) -> PolicyDecision:
    """Return whether the principal can grant and revoke roles on the workstation."""
    allowed = await WORKSTATIONS.allows(principal, PermissionVerb.EDIT, workstation)
    return allowed or "Only an editor of a workstation can share it."
