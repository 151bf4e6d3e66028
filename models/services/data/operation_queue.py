"""The queue of operations: which can start, which must wait for others, and which fail with them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from core.messaging import outbox
from core.queue import Job, data_queue
from models.data.dataoperations import TERMINAL_STATES, DataOperation, DataOperationState, OperationDependency
from models.permissions.principal import SERVICE
from models.services.transitions import transition


def enqueue_run(operation: DataOperation, *, after: str = "") -> None:
    """Enqueue the run in the open transaction, at `due_at` if it is set.

    `after` makes the job key unique. Otherwise a job with the same key that is just ending would deduplicate it.
    """
    key = f"operation:{operation.id}:{operation.fence}" + (f":{after}" if after else "")
    outbox.enqueue(Job.DATAOPERATION_RUN, operation.id, queue=data_queue(), key=key, due_at=operation.due_at)


async def blocked_reason(operation: DataOperation) -> str | None:
    """Return None if the operation can start, "" while it must wait, and a sentence if it can never start."""
    dependencies = await DataOperation.filter(dependents__operation_id=operation.id)
    failed = [each for each in dependencies if each.state in TERMINAL_STATES - {DataOperationState.SUCCEEDED}]
    if failed:
        return dependency_error(failed[0])
    return None if all(each.state is DataOperationState.SUCCEEDED for each in dependencies) else ""


def dependency_error(cause: DataOperation) -> str:
    """Return the message of an operation that fails because of its dependency `cause`."""
    reason = f": {cause.message}" if cause.state is DataOperationState.FAILED and cause.message else "."
    return f"An input comes from {cause.name}, which is {cause.state}{reason} Run that again first."[:1000]


async def enqueue_dependents(operation: DataOperation) -> None:
    """Enqueue the runs of the operations that wait for this one's outputs, in the open transaction."""
    for dependent in await DataOperation.filter(needs__needed_id=operation.id, state=DataOperationState.QUEUED):
        enqueue_run(dependent, after=f"need:{operation.id}:{operation.fence}")


async def fail_dependents(operation: DataOperation, sentence: str, at: datetime) -> None:
    """Fail the operations that wait for this one's outputs, and their dependents, in the open transaction."""
    waiting = [(operation, sentence)]
    while waiting:
        cause, reason = waiting.pop()
        for dependent in await DataOperation.filter(needs__needed_id=cause.id, state=DataOperationState.QUEUED):
            await transition(
                dependent,
                DataOperationState.FAILED,
                SERVICE,
                cause=reason,
                expected_fence=dependent.fence,
                message=reason,
                ended_at=at,
            )
            waiting.append((dependent, dependency_error(dependent)))


async def downstream(operation: DataOperation) -> Sequence[DataOperation]:
    """Return all operations that depend on this one, directly or not, in order of creation."""
    found: dict[int, DataOperation] = {}
    frontier: Collection[int] = {operation.id}
    while frontier:
        rows = await DataOperation.filter(
            id__in=await OperationDependency.filter(needed_id__in=frontier).values_list("operation_id", flat=True)
        )
        frontier = {row.id for row in rows if row.id not in found}
        found |= {row.id: row for row in rows}
    return [found[key] for key in sorted(found)]
