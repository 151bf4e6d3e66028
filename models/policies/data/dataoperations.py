"""Who sees data operations, asks for them and ends them: it goes by their data session."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Operation, Permission, Resource
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.permissions.principal import Principal
from models.policies.data.datasessions import DATASESSIONS
from models.policies.row_access import Reach, Related
from models.policies.verdicts import Verdict


def _in_sessions(principal: Principal, permission: Permission) -> Q:
    rows = DATASESSIONS.rows(principal, permission.operation, permission.resource)
    return Q(datasession_id__in=Subquery(rows.values("id")))


DATA_OPERATIONS = Reach(DataOperation, Resource.DATA_OPERATION, own=(Related(_in_sessions),))


def readable(principal: Principal) -> QuerySet[DataOperation]:
    """Return the operations of the data sessions in which the principal may see them."""
    return DATA_OPERATIONS.rows(principal, Operation.VIEW)


def editable(principal: Principal) -> QuerySet[DataOperation]:
    """Return the operations that the principal may cancel and run again."""
    return DATA_OPERATIONS.rows(principal, Operation.EDIT)


async def can_create(principal: Principal, datasession: Datasession) -> Verdict:
    """Can the principal run operations in the data session?"""
    allowed = await DATASESSIONS.covers(principal, Operation.CREATE, datasession, Resource.DATA_OPERATION)
    return allowed or "Only its creator or an editor runs operations in a data session."


async def can_edit(principal: Principal, operation: DataOperation) -> Verdict:
    """Can the principal cancel the operation, or run it again?"""
    allowed = await DATA_OPERATIONS.covers(principal, Operation.EDIT, operation)
    return allowed or "Only the creator or an editor of its data session cancels an operation or runs it again."


async def can_delete(principal: Principal, operation: DataOperation) -> Verdict:
    """Can the principal delete the operation and let go of its result?"""
    allowed = await DATA_OPERATIONS.covers(principal, Operation.DELETE, operation)
    return allowed or "Only the creator or an editor of its data session deletes an operation."
