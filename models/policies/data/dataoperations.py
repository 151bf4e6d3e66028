"""Policies of data operations. Access depends on the data session that they belong to."""

from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models.accounts.roles import Permission, PermissionVerb, Resource
from models.data.dataoperations import DataOperation
from models.data.datasessions import Datasession
from models.permissions.principal import Principal
from models.policies import PolicyDecision
from models.policies.data.datasessions import DATASESSIONS
from models.policies.row_access import RowAccess, SqlCondition


def _in_sessions(principal: Principal, permission: Permission) -> Q:
    rows = DATASESSIONS.rows(principal, permission.verb, permission.resource)
    return Q(datasession_id__in=Subquery(rows.values("id")))


DATA_OPERATIONS = RowAccess(DataOperation, Resource.DATA_OPERATION, own=(SqlCondition(_in_sessions),))


def readable(principal: Principal) -> QuerySet[DataOperation]:
    """Return the operations of the data sessions in which the principal can see operations."""
    return DATA_OPERATIONS.rows(principal, PermissionVerb.VIEW)


def editable(principal: Principal) -> QuerySet[DataOperation]:
    """Return the operations that the principal can cancel and run again."""
    return DATA_OPERATIONS.rows(principal, PermissionVerb.EDIT)


async def can_create(principal: Principal, datasession: Datasession) -> PolicyDecision:
    """Return whether the principal can run operations in the data session."""
    allowed = await DATASESSIONS.allows(principal, PermissionVerb.CREATE, datasession, Resource.DATA_OPERATION)
    return allowed or "Only its creator or an editor can run operations in a data session."


async def can_edit(principal: Principal, operation: DataOperation) -> PolicyDecision:
    """Return whether the principal can cancel the operation, or run it again."""
    allowed = await DATA_OPERATIONS.allows(principal, PermissionVerb.EDIT, operation)
    return allowed or "Only the creator or an editor of its data session can cancel an operation or run it again."


async def can_delete(principal: Principal, operation: DataOperation) -> PolicyDecision:
    """Return whether the principal can delete the operation."""
    allowed = await DATA_OPERATIONS.allows(principal, PermissionVerb.DELETE, operation)
    return allowed or "Only the creator or an editor of its data session can delete an operation."
