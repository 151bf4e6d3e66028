"""The periodic clean-up of data operations: re-enqueue due runs, expire old results, remove unused ones."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tortoise.expressions import Q, Subquery

from core.clock import now
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from models.data.dataoperations import DataOperation, DataOperationState, OperationDependency
from models.data.results import Result, ResultState
from models.services.data import dataoperations, results
from models.services.data.operation_transitions import enqueue_run

BATCH = 500
ForEach = Callable[[Iterable[Any], Callable[[Any], Awaitable[object]]], Awaitable[None]]


async def sweep_data(settings: Settings, each: ForEach) -> None:
    """Run the clean-up once; `each` applies a function to every item and survives failures."""
    await _enqueue_due()
    await each(await dataoperations.overdue(settings, BATCH), _expire)
    await each(await Result.filter(state=ResultState.MAKING).order_by("id").limit(BATCH), _release_abandoned)
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
