"""Policies of sessions."""

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal, PrincipalKind
from models.policies import PolicyDecision
from models.policies.row_access import ForVerb, OwnedBy, RowAccess, SqlCondition
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation


def _of_session_token(principal: Principal, _permission: Permission) -> Q:
    return Q(id=principal.session_id)


SESSIONS = RowAccess(
    Session,
    Resource.SESSION,
    own=(OwnedBy("creator_id"),),
    session_token=(ForVerb(PermissionVerb.VIEW, SqlCondition(_of_session_token)),),
)


def readable(principal: Principal) -> QuerySet[Session]:
    """Return all sessions, or the principal's own. A session token sees its own session."""
    return SESSIONS.rows(principal, PermissionVerb.VIEW)


def can_launch(principal: Principal, _workstation: Workstation | None = None) -> PolicyDecision:
    """Return whether the principal can launch sessions of the workstations that it can see."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can launch sessions."
    return (
        principal.has_permission(Resource.SESSION, PermissionVerb.CREATE)
        or "Your credential does not allow launching sessions."
    )


def can_connect(principal: Principal, session: Session) -> PolicyDecision:
    """Return whether the principal can open the session's container. Only its creator can."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a user can open a session."
    if not principal.has_permission(Resource.SESSION, PermissionVerb.EDIT):
        return "Your credential does not allow opening sessions."
    return session.creator_id == principal.user_id or "Only its creator can open a session."


def can_stop(principal: Principal, session: Session) -> PolicyDecision:
    """Return whether the principal can stop the session."""
    allowed = SESSIONS.allows_without_query(principal, PermissionVerb.EDIT, session)
    return allowed or "Only its creator or an operator can stop a session."


def can_keep_alive(principal: Principal, session: Session) -> PolicyDecision:
    """Return whether the principal can extend the session. Its creator can, and its own container."""
    if principal.kind is PrincipalKind.SESSION:
        return principal.session_id == session.id or "A container can keep only its own session alive."
    if not principal.has_permission(Resource.SESSION, PermissionVerb.EDIT):
        return "Your credential does not allow changing sessions."
    return session.creator_id == principal.user_id or "Only its creator can keep a session alive."


def can_see_logs(principal: Principal, session: Session) -> PolicyDecision:
    """Return whether the principal can read the logs of the session's container."""
    allowed = session.creator_id == principal.user_id or SESSIONS.allows_without_query(
        principal, PermissionVerb.EDIT, session
    )
    return allowed or "Only its creator or an operator can read a session's logs."
