"""Who reads the history."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.access import Operation, Resource, Scope
from models.history import HistoryEntry
from models.policies import sessions, workstations
from models.principal import Principal


def readable(principal: Principal) -> QuerySet[HistoryEntry]:
    """Return everything for who may see all; else what the principal did and what befell its own objects."""
    if not principal.may(Resource.HISTORY, Operation.VIEW):
        return HistoryEntry.filter(id__in=[])
    if principal.reaches(Resource.HISTORY, Operation.VIEW, Scope.GLOBAL):
        return HistoryEntry.all()
    own_sessions = Subquery(sessions.readable(principal).values("id"))
    edited = Subquery(workstations.editable(principal).values("id"))
    return HistoryEntry.filter(
        Q(actor_id=principal.user_id)
        | Q(resource=Resource.SESSION, object_id__in=own_sessions)
        | Q(resource=Resource.WORKSTATION, object_id__in=edited)
    )
