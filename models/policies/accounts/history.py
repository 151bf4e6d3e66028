"""Policy of the history."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.history import HistoryEntry
from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies.accounts import collaborations, organizations
from models.policies.data import dataoperations
from models.policies.data.datasessions import DATASESSIONS
from models.policies.row_access import OwnedBy, RowAccess, SqlCondition
from models.policies.sessions import sessions, workstations


def _of_own_sessions(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.SESSION, object_id__in=Subquery(sessions.readable(principal).values("id")))


def _of_edited_workstations(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.WORKSTATION, object_id__in=Subquery(workstations.editable(principal).values("id")))


def _of_managed_organizations(principal: Principal, _permission: Permission) -> Q:
    managed = organizations.MEMBERS.rows(principal, PermissionVerb.EDIT)
    return Q(resource=Resource.ORGANIZATION, object_id__in=Subquery(managed.values("id")))


def _of_edited_collaborations(principal: Principal, _permission: Permission) -> Q:
    edited = Subquery(collaborations.editable(principal).values("id"))
    return Q(resource=Resource.COLLABORATION, object_id__in=edited)


def _of_edited_datasessions(principal: Principal, _permission: Permission) -> Q:
    edited = DATASESSIONS.rows(principal, PermissionVerb.EDIT).values("id")
    operations = dataoperations.editable(principal)
    results = operations.filter(result_id__isnull=False).values("result_id")
    return (
        Q(resource=Resource.DATASESSION, object_id__in=Subquery(edited))
        | Q(resource=Resource.DATA_OPERATION, object_id__in=Subquery(operations.values("id")))
        | Q(resource=Resource.RESULT, object_id__in=Subquery(results))
    )


def _of_itself(principal: Principal, _permission: Permission) -> Q:
    return Q(resource=Resource.USER, object_id=principal.user_id)


HISTORY = RowAccess(
    HistoryEntry,
    Resource.HISTORY,
    own=(
        OwnedBy("actor_id"),
        SqlCondition(_of_itself),
        SqlCondition(_of_own_sessions),
        SqlCondition(_of_edited_workstations),
        SqlCondition(_of_managed_organizations),
        SqlCondition(_of_edited_collaborations),
        SqlCondition(_of_edited_datasessions),
    ),
)


def readable(principal: Principal) -> QuerySet[HistoryEntry]:
    """Return all entries if the rule is global, else those by the principal and those on its own objects."""
    return HISTORY.rows(principal, PermissionVerb.VIEW)
