"""Results are made once, shared by reference, and removed when the last operation lets go of them."""

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
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.data import results as policy
from models.services.accounts import history
from models.services.data.operation_transitions import enqueue_run

if TYPE_CHECKING:
    from core.storage.object_store import Storage

ATTEMPTS = 3


async def ready(key: str, principal: Principal) -> Result | None:
    """Return a result of the same science on the same bytes, which the principal has just read.

    One of an earlier release tells the names of its files; its slot is never a key, and it is for whoever can read it
    anyway.
    """
    same = await Result.get_or_none(slot=key, state=ResultState.READY)
    return same or await policy.readable(principal).filter(key=key, state=ResultState.READY).first()


async def claim(operation: DataOperation, key: str) -> tuple[Result, bool]:
    """Return the result that holds the key, and whether this operation makes it now; Unavailable if it keeps changing.

    Call it for whoever has just read all files: a key alone gives nobody a right.
    """
    for _ in range(ATTEMPTS):
        present = await Result.get_or_none(slot=key)
        if present is None:
            try:
                return await Result.create(key=key, slot=key, maker=operation.id), True
            except IntegrityError:
                continue  # An equal operation was faster by a moment.
        mine = present.maker == operation.id  # What an earlier attempt began is not gone on with.
        if present.state is ResultState.READY or (not mine and await being_made(present.id)):
            return present, False
        async with transaction():
            await release(present)
    raise Unavailable("The result keeps changing hands; it is tried again.")


async def being_made(result_id: int) -> bool:
    """Say whether an operation computes this result at present."""
    result = await Result.get_or_none(id=result_id, state=ResultState.MAKING)
    running = DataOperation.filter(id=result.maker, state=DataOperationState.RUNNING) if result else None
    return bool(running and await running.exists())


async def note(result: Result, files: Sequence[StoredFile]) -> None:
    """Note which files are about to be stored, so that they are found and removed whatever happens next."""
    await Result.filter(id=result.id, state=ResultState.MAKING).update(files=list(files))


async def complete(result: Result, files: Sequence[StoredFile], data: Any) -> bool:
    """Record within the open transaction what was made; False when somebody gave the result up meanwhile."""
    rows = Result.filter(id=result.id, state=ResultState.MAKING)
    return bool(await rows.update(state=ResultState.READY, files=list(files), data=data, ready_at=now()))


async def attach(result: Result) -> bool:
    """Lock within the open transaction a result that is to be shared; False when it was given up meanwhile."""
    return bool(await Result.filter(id=result.id, state=ResultState.READY).select_for_update().first())


async def call_waiting(result: Result) -> None:
    """Ask within the open transaction for the equal operations that waited for this one."""
    for operation in await DataOperation.filter(awaited=result.id, state=DataOperationState.QUEUED):
        enqueue_run(operation, after=f"result:{result.id}")


async def abandon(operation: DataOperation) -> None:
    """Give up within the open transaction what the operation was making."""
    for result in await Result.filter(maker=operation.id, state=ResultState.MAKING):
        await release(result)


async def let_go(result_id: int | None) -> None:
    """Remove a result within the open transaction unless an operation still has it; call it after the last let go."""
    result = await Result.filter(id=result_id).select_for_update().first() if result_id else None
    if result and result.state is ResultState.READY and not await DataOperation.filter(result_id=result.id).exists():
        await release(result)


async def release(result: Result) -> None:
    """Give a result up within the open transaction: its slot is free, its files are removed, who waits is called."""
    rows = Result.filter(id=result.id, state=result.state)
    if await rows.update(state=ResultState.RELEASED, slot=None):
        await call_waiting(result)
        enqueue_remove(result)


def enqueue_remove(result: Result) -> None:
    """Ask within the open transaction for the files of a released result to be removed."""
    outbox.enqueue(Job.RESULT_REMOVE, result.id, queue=data_queue(), key=f"result:{result.id}")


async def remove(result_id: int, storage: "Storage") -> None:
    """Remove the files of a released result, and then its row; harmless twice."""
    result = await Result.get_or_none(id=result_id, state=ResultState.RELEASED)
    if result is None:
        return
    for file in result.files:
        await storage.delete(file["storage_key"])
    await result.delete()


async def opened(result: Result, names: Sequence[str], seconds: int, *, actor: Actor) -> None:
    """Record that somebody got links to files of the result."""
    async with transaction():
        detail = {"files": list(names), "seconds": seconds}
        await history.record(Resource.RESULT, result.id, "open", actor, detail=detail)
