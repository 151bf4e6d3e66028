"""Policy of the history."""

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models.accounts.history import HistoryEntry
from models.accounts.roles import Permission, PermissionVerb, Resource
from models.permissions.principal import Principal
from models.policies import registry
from models.policies.row_access import OwnedBy, RowAccess, SqlCondition


def _of_objects(principal: Principal, permission: Permission) -> Q:
    return Q(*(condition(principal, permission) for condition in registry.history_conditions()), join_type=Q.OR)


HISTORY = RowAccess(HistoryEntry, Resource.HISTORY, own=(OwnedBy("actor_id"), SqlCondition(_of_objects)))


def readable(principal: Principal) -> QuerySet[HistoryEntry]:
    """Return all entries if the rule is global, else those by the principal and those on its own objects."""
    return HISTORY.rows(principal, PermissionVerb.VIEW)
