"""Results: computed once, shared by reference, and removed when the last operation releases them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.database.connection import transaction
from core.errors import Unavailable
from core.messaging import outbox
from core.queue import Job, data_queue
from models.accounts.roles import Resource
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.results import Result, ResultState, StoredFile
from models.permissions.principal import Actor, Principal
from models.policies.data import results as policy
from models.services.accounts import history
from models.services.data.operation_queue import enqueue_run

if TYPE_CHECKING:
    from core.storage.object_store import Storage

MAX_CONFLICTS = 3


async def find_ready(key: str, principal: Principal) -> Result | None:
    """Return the ready result with this key, for a principal that has just read all input files.

    A result from before migration 0006 contains file names and has another slot. Only its readers get it.
    """
    same = await Result.get_or_none(slot=key, state=ResultState.READY)
    return same or await policy.readable(principal).filter(key=key, state=ResultState.READY).first()


async def claim(operation: DataOperation, key: str) -> tuple[Result, bool]:
    """Return the result that has claimed the key, and whether this operation must compute it.

    Call it only after all input files were read for the operation's creator: a key alone grants no access.
    Unavailable if other operations keep changing the claim.
    """
    for _ in range(MAX_CONFLICTS):
        existing = await Result.get_or_none(slot=key)
        if existing is None:
            try:
                return await Result.create(key=key, slot=key, maker=operation.id), True
            except IntegrityError:
                continue  # An equal operation claimed the key first.
        # An earlier attempt of this operation is not continued: its claim is released and taken anew.
        is_own = existing.maker == operation.id
        if existing.state is ResultState.READY or (not is_own and await is_being_computed(existing.id)):
            return existing, False
        async with transaction():
            await release(existing)
    raise Unavailable("Other operations claimed the result at the same time. The run is retried.")


async def is_being_computed(result_id: int) -> bool:
    """Return whether a running operation computes this result."""
    result = await Result.get_or_none(id=result_id, state=ResultState.MAKING)
    running = DataOperation.filter(id=result.maker, state=DataOperationState.RUNNING) if result else None
    return bool(running and await running.exists())


async def record_files(result: Result, files: Sequence[StoredFile]) -> None:
    """Record the files before they are stored, so that they can be removed after a crash."""
    await Result.filter(id=result.id, state=ResultState.MAKING).update(files=list(files))


async def complete(result: Result, files: Sequence[StoredFile], data: Any) -> bool:
    """Record the computed files and data in the open transaction; False if the result was discarded."""
    rows = Result.filter(id=result.id, state=ResultState.MAKING)
    return bool(await rows.update(state=ResultState.READY, files=list(files), data=data, ready_at=now()))


async def lock_for_sharing(result: Result) -> bool:
    """Lock a result that will be shared, until the open transaction ends; False if it was discarded."""
    return bool(await Result.filter(id=result.id, state=ResultState.READY).select_for_update().first())


async def enqueue_waiting(result: Result) -> None:
    """Enqueue the runs of the operations that wait for this result, in the open transaction."""
    for operation in await DataOperation.filter(awaited=result.id, state=DataOperationState.QUEUED):
        enqueue_run(operation, after=f"result:{result.id}")


async def discard(operation: DataOperation) -> None:
    """Discard in the open transaction the result that the operation was computing."""
    for result in await Result.filter(maker=operation.id, state=ResultState.MAKING):
        await release(result)


async def release_reference(result_id: int | None) -> None:
    """Release a result in the open transaction if no operation refers to it; call it after a reference is removed."""
    result = await Result.filter(id=result_id).select_for_update().first() if result_id else None
    if result and result.state is ResultState.READY and not await DataOperation.filter(result_id=result.id).exists():
        await release(result)


async def release(result: Result) -> None:
    """Free the key of a result, enqueue the removal of its files and the runs that wait, in the open transaction."""
    rows = Result.filter(id=result.id, state=result.state)
    if await rows.update(state=ResultState.RELEASED, slot=None):
        await enqueue_waiting(result)
        enqueue_remove(result)


def enqueue_remove(result: Result) -> None:
    """Enqueue the removal of a released result's files in the open transaction."""
    outbox.enqueue(Job.RESULT_REMOVE, result.id, queue=data_queue(), key=f"result:{result.id}")


async def remove(result_id: int, storage: "Storage") -> None:
    """Delete the files of a released result, and then its row. It may run twice."""
    result = await Result.get_or_none(id=result_id, state=ResultState.RELEASED)
    if result is None:
        return
    for file in result.files:
        await storage.delete(file["storage_key"])
    await result.delete()


async def record_opened(result: Result, names: Sequence[str], seconds: int, *, actor: Actor) -> None:
    """Record in the history that the actor got links to files of the result."""
    async with transaction():
        detail = {"files": list(names), "seconds": seconds}
        await history.record(Resource.RESULT, result.id, "open", actor, detail=detail)
