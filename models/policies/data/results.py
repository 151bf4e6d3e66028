"""Policies of results. A result is visible through every data session with an operation that has it."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.data.dataoperations import DataOperation
from models.data.results import Result
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.data.datasessions import DATASESSIONS
from models.policies.row_access import RowAccess, SqlCondition


def _of_sessions(principal: Principal, permission: Permission) -> Q:
    sessions = DATASESSIONS.rows(principal, permission.verb, permission.resource)
    operations = DataOperation.filter(result_id__isnull=False, datasession_id__in=Subquery(sessions.values("id")))
    return Q(id__in=Subquery(operations.values("result_id")))


RESULTS = RowAccess(Result, Resource.RESULT, own=(SqlCondition(_of_sessions),))


def readable(principal: Principal) -> QuerySet[Result]:
    """Return the results of operations in data sessions whose results the principal can see."""
    return RESULTS.rows(principal, PermissionVerb.VIEW)


async def can_open(principal: Principal, result: Result) -> PolicyDecision:
    """Return whether the principal can get links to the result's files."""
    return await RESULTS.allows(principal, PermissionVerb.VIEW, result) or "You may not read this result."
