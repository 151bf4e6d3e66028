"""The periodic clean-up of data: re-enqueue due runs, expire old results, remove unused results and uploads."""

from typing import TYPE_CHECKING

from tortoise.expressions import Q, Subquery

from core.clock import now
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from jobs.batch import BATCH, for_each
from models.data.dataoperations import DataOperation, DataOperationState, OperationDependency
from models.data.results import Result, ResultState
from models.data.uploads import Upload
from models.services.data import dataoperations, results, uploads
from models.services.data.operation_queue import enqueue_run

if TYPE_CHECKING:  # Archives of functions without files lack the storage library.
    from core.storage.object_store import Storage


async def sweep_data(settings: Settings) -> None:
    """Re-enqueue due operations, expire old results and remove unused ones."""
    await _enqueue_due()
    await for_each(await dataoperations.overdue(settings, BATCH), _expire)
    await for_each(await Result.filter(state=ResultState.MAKING).order_by("id").limit(BATCH), _release_abandoned)
    async with transaction():
        for result in await Result.filter(state=ResultState.RELEASED).order_by("id").limit(BATCH):
            results.enqueue_remove(result)


async def _enqueue_due() -> None:
    # Operations that can start, and those whose worker died. Duplicates are harmless: a claim decides.
    at = now()
    pending = OperationDependency.filter(
        needed__state__in=[DataOperationState.QUEUED, DataOperationState.RUNNING, DataOperationState.CANCELLING]
    ).values("operation_id")
    can_begin = Q(Q(due_at__isnull=True) | Q(due_at__lte=at), state=DataOperationState.QUEUED) & ~Q(
        id__in=Subquery(pending)
    )
    lost = Q(
        Q(lease_until__isnull=True) | Q(lease_until__lt=at),
        state__in=[DataOperationState.RUNNING, DataOperationState.CANCELLING],
    )
    async with transaction():
        for operation in await DataOperation.filter(can_begin | lost).order_by("id").limit(BATCH):
            enqueue_run(operation)


async def _expire(operation: DataOperation) -> None:
    try:
        await dataoperations.expire(operation)
    except Conflict:
        return  # The operation was run again or deleted at the same time.


async def _release_abandoned(result: Result) -> None:
    # The operation that makes it was deleted, or ended without it.
    maker = await DataOperation.get_or_none(id=result.maker)
    if maker is None or maker.state not in (DataOperationState.RUNNING, DataOperationState.CANCELLING):
        async with transaction():
            await results.release(result)


async def purge_uploads(storage: "Storage") -> None:
    """Remove the uploads that have expired, with their files."""

    async def discard(upload: Upload) -> None:
        await storage.delete(upload.storage_key)
        await upload.delete()

    await for_each(await uploads.overdue(), discard)
