"""Policies of data sessions."""

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.data.datasessions import Datasession
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.row_access import (
    ForVerb,
    HasGrant,
    InOrganization,
    OwnedBy,
    RowAccess,
    SqlCondition,
    column_equals,
)

OWN_OR_GRANTED = (OwnedBy("creator_id"), HasGrant(Resource.DATASESSION))


def _own_or_granted(principal: Principal, permission: Permission) -> Q:
    return Q(*(condition.to_q(principal, permission) for condition in OWN_OR_GRANTED), join_type=Q.OR)


def _attached_to_session(principal: Principal, permission: Permission) -> Q:
    return column_equals("id", principal.datasession_id) & _own_or_granted(principal, permission)


DATASESSIONS = RowAccess(
    Datasession,
    Resource.DATASESSION,
    own=OWN_OR_GRANTED,
    organization=(InOrganization("organization_id"),),
    session_token=(ForVerb(PermissionVerb.VIEW, SqlCondition(_attached_to_session)),),
)
"""A session token sees the data session that its session was launched with, as long as its creator can see it."""


def readable(principal: Principal) -> QuerySet[Datasession]:
    """Return the principal's own data sessions, those granted to it, and those of its organizations."""
    return DATASESSIONS.rows(principal, PermissionVerb.VIEW)


def can_create(principal: Principal, organization_id: int | None = None) -> PolicyDecision:
    """Return whether the principal can create data sessions, for the organization if one is given."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can create data sessions."
    if organization_id is not None and organization_id not in principal.organization_ids:
        return "You can create data sessions for your own organizations only."
    return (
        principal.has_permission(Resource.DATASESSION, PermissionVerb.CREATE)
        or "Your credential does not allow creating data sessions."
    )


async def can_edit(principal: Principal, datasession: Datasession) -> PolicyDecision:
    """Return whether the principal can rename the data session, and add and remove files."""
    allowed = await DATASESSIONS.allows(principal, PermissionVerb.EDIT, datasession)
    return allowed or "Only its creator or an editor can change a data session."


def can_delete(principal: Principal, datasession: Datasession) -> PolicyDecision:
    """Return whether the principal can delete the data session with all its operations and results."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can delete data sessions."
    is_own = (
        principal.has_permission(Resource.DATASESSION, PermissionVerb.DELETE)
        and datasession.creator_id == principal.user_id
    )
    return (
        is_own
        or DATASESSIONS.allows_all(principal, PermissionVerb.DELETE)
        or "Only its creator or an operator can delete a data session."
    )


async def can_share(principal: Principal, datasession: Datasession) -> PolicyDecision:
    """Return whether the principal can grant and revoke roles on the data session."""
    allowed = await DATASESSIONS.allows(principal, PermissionVerb.EDIT, datasession)
    return allowed or "Only its creator or an editor can share a data session."


async def can_attach_datasession(principal: Principal, datasession: Datasession) -> PolicyDecision:
    """Return whether the principal can launch a workstation with the data session.

    The session token sees only own and granted data sessions, not those that an organization makes visible.
    """
    permission = Permission(Resource.DATASESSION, PermissionVerb.VIEW)
    is_allowed = await Datasession.filter(_own_or_granted(principal, permission)).filter(id=datasession.id).exists()
    return is_allowed or "You can attach only data sessions that are your own or granted to you."
