"""Who reads results: whoever may see them in a data session that has an operation with this result."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.data.dataoperations import DataOperation
from models.data.results import Result
from models.permissions.principal import Principal
from models.policies.data.datasessions import DATASESSIONS
from models.policies.row_access import Reach, Related
from models.policies.verdicts import Verdict


def _of_sessions(principal: Principal, permission: Permission) -> Q:
    sessions = DATASESSIONS.rows(principal, permission.operation, permission.resource)
    operations = DataOperation.filter(result_id__isnull=False, datasession_id__in=Subquery(sessions.values("id")))
    return Q(id__in=Subquery(operations.values("result_id")))


RESULTS = Reach(Result, Resource.RESULT, own=(Related(_of_sessions),))


def readable(principal: Principal) -> QuerySet[Result]:
    """Return the results of operations in data sessions of which the principal may see the results."""
    return RESULTS.rows(principal, Operation.VIEW)


async def can_open(principal: Principal, result: Result) -> Verdict:
    """Can the principal get links to the result's files?"""
    return await RESULTS.covers(principal, Operation.VIEW, result) or "You may not read this result."
