"""Who sees, launches and ends sessions."""

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.permissions.principal import Principal, PrincipalKind
from models.policies.row_access import Mine, Only, Reach, Related
from models.policies.verdicts import Verdict
from models.sessions.sessions import Session
from models.sessions.workstations import Workstation


def _of_the_desk(principal: Principal, _permission: Permission) -> Q:
    return Q(id=principal.session_id)


SESSIONS = Reach(
    Session,
    Resource.SESSION,
    own=(Mine("creator_id"),),
    desk=(Only(Operation.VIEW, Related(_of_the_desk)),),
)


def readable(principal: Principal) -> QuerySet[Session]:
    """Return all sessions for who may see all, else the principal's own; a desk sees its own session."""
    return SESSIONS.rows(principal, Operation.VIEW)


def can_launch(principal: Principal, _workstation: Workstation | None = None) -> Verdict:
    """Can the principal launch sessions of the workstations that it sees?"""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person launches sessions."
    return principal.may(Resource.SESSION, Operation.CREATE) or "Your credential may not launch sessions."


def can_connect(principal: Principal, session: Session) -> Verdict:
    """Can the principal work in the session's container? Nobody but its creator can."""
    if principal.kind is not PrincipalKind.USER:
        return "Only a person enters a session."
    if not principal.may(Resource.SESSION, Operation.EDIT):
        return "Your credential may not work in sessions."
    return session.creator_id == principal.user_id or "Only its creator works in a session."


def can_stop(principal: Principal, session: Session) -> Verdict:
    """Can the principal stop the session?"""
    allowed = SESSIONS.spans(principal, Operation.EDIT, session)
    return allowed or "Only its creator or an operator stops a session."


def can_keep_alive(principal: Principal, session: Session) -> Verdict:
    """Can the principal let the session live longer? Its creator can, and its own container."""
    if principal.kind is PrincipalKind.DESK:
        return principal.session_id == session.id or "A container keeps only its own session alive."
    if not principal.may(Resource.SESSION, Operation.EDIT):
        return "Your credential may not change sessions."
    return session.creator_id == principal.user_id or "Only its creator keeps a session alive."


def can_see_logs(principal: Principal, session: Session) -> Verdict:
    """Can the principal read what the session's container printed?"""
    allowed = session.creator_id == principal.user_id or SESSIONS.spans(principal, Operation.EDIT, session)
    return allowed or "Only its creator or an operator reads a session's logs."
