"""The graph of operations: who reads whose outputs, who may begin, and who cannot any more."""

from collections.abc import Collection, Sequence
from datetime import datetime

from models.data.dataoperations import ENDINGS, DataOperation, DataOperationState, Need
from models.permissions.actor import SERVICE
from models.services.data.operation_transitions import enqueue_run, move

_S = DataOperationState


async def obstacle(operation: DataOperation) -> str | None:
    """Say why the operation cannot begin: empty while it must wait, a sentence when it never can; None when it can."""
    needed = await DataOperation.filter(dependents__operation_id=operation.id)
    broken = [each for each in needed if each.state in ENDINGS - {_S.SUCCEEDED}]
    if broken:
        return propagated(broken[0])
    return None if all(each.state is _S.SUCCEEDED for each in needed) else ""


def propagated(cause: DataOperation) -> str:
    """Return the sentence with which an operation fails because of one that it needs."""
    why = f": {cause.message}" if cause.state is _S.FAILED and cause.message else "."
    return f"An input comes from {cause.name}, which is {cause.state}{why} Run that again first."[:1000]


async def call_dependents(operation: DataOperation) -> None:
    """Ask within the open transaction for those that waited for this operation's outputs."""
    for dependent in await DataOperation.filter(needs__needed_id=operation.id, state=_S.QUEUED):
        enqueue_run(dependent, after=f"need:{operation.id}:{operation.fence}")


async def fail_dependents(operation: DataOperation, sentence: str, at: datetime) -> None:
    """Fail within the open transaction those that wait for this operation's outputs, and those that wait for them."""
    waiting = [(operation, sentence)]
    while waiting:
        cause, why = waiting.pop()
        for dependent in await DataOperation.filter(needs__needed_id=cause.id, state=_S.QUEUED):
            await move(dependent, _S.FAILED, SERVICE, cause=why, held=dependent.fence, message=why, ended_at=at)
            waiting.append((dependent, propagated(dependent)))


async def downstream(operation: DataOperation) -> Sequence[DataOperation]:
    """Return all that was computed from this operation's outputs, in order of creation."""
    found: dict[int, DataOperation] = {}
    edge: Collection[int] = {operation.id}
    while edge:
        rows = await DataOperation.filter(
            id__in=await Need.filter(needed_id__in=edge).values_list("operation_id", flat=True)
        )
        edge = {row.id for row in rows if row.id not in found}
        found |= {row.id: row for row in rows}
    return [found[key] for key in sorted(found)]
