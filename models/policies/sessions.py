"""Who sees, launches and ends sessions."""

from tortoise.queryset import QuerySet

from models.access import Operation, Resource, Scope
from models.policies.verdicts import Verdict
from models.principal import Principal, PrincipalKind
from models.sessions import Session


def readable(principal: Principal) -> QuerySet[Session]:
    """Return all sessions for who may see all, else the principal's own; a desk sees its own session."""
    if not principal.may(Resource.SESSION, Operation.VIEW):
        return Session.filter(id__in=[])
    if principal.kind is PrincipalKind.DESK:
        return Session.filter(id=principal.session_id)
    if principal.reaches(Resource.SESSION, Operation.VIEW, Scope.GLOBAL):
        return Session.all()
    return Session.filter(creator_id=principal.user_id)


def can_launch(principal: Principal) -> Verdict:
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
    if principal.reaches(Resource.SESSION, Operation.EDIT, Scope.GLOBAL):
        return True
    allowed = principal.may(Resource.SESSION, Operation.EDIT) and session.creator_id == principal.user_id
    return allowed or "Only its creator or an operator stops a session."


def can_see_logs(principal: Principal, session: Session) -> Verdict:
    """Can the principal read what the session's container printed?"""
    if principal.reaches(Resource.SESSION, Operation.EDIT, Scope.GLOBAL):
        return True
    return session.creator_id == principal.user_id or "Only its creator or an operator reads a session's logs."
