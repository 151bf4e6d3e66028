"""The handler for data operations whose job used up its retries: sets the row to a failed state with the reason."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.errors import Conflict
from models.data.dataoperations import PENDING, DataOperation, DataOperationState
from models.services.data import operation_runs


async def fail_operation(context: Mapping[str, Any], operation_id: int, reason: str) -> None:  # noqa: ARG001
    """Fail a data operation and those that wait for its outputs; finish the cancellation of a cancelling one."""
    operation = await DataOperation.get_or_none(id=operation_id)
    if operation is None or operation.state not in PENDING:
        return
    with suppress(Conflict):
        if operation.state is DataOperationState.CANCELLING:
            await operation_runs.finish_cancel(operation)
        else:
            await operation_runs.fail(operation, reason)
