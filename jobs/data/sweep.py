"""The sweep of data operations: what should move is asked for again, old results expire, lost ones go."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tortoise.expressions import Q, Subquery

from core.clock import now
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from models.data.dataoperations import DataOperation, DataOperationState, Need
from models.data.results import Result, ResultState
from models.services.data import dataoperations, results
from models.services.data.operation_transitions import enqueue_run

BATCH = 500
Each = Callable[[Iterable[Any], Callable[[Any], Awaitable[object]]], Awaitable[None]]
_S = DataOperationState


async def sweep_data(settings: Settings, each: Each) -> None:
    """Do all of it once; `each` tries every item alone."""
    await _call()
    await each(await dataoperations.overdue(settings, BATCH), _expire)
    await each(await Result.filter(state=ResultState.MAKING).order_by("id").limit(BATCH), _give_up)
    async with transaction():
        for result in await Result.filter(state=ResultState.RELEASED).order_by("id").limit(BATCH):
            results.enqueue_remove(result)


async def _call() -> None:
    """Ask for all that could begin, and for those whose worker was lost."""
    at = now()
    pending = Need.filter(needed__state__in=[_S.QUEUED, _S.RUNNING, _S.CANCELLING]).values("operation_id")
    can_begin = Q(Q(due_at__isnull=True) | Q(due_at__lte=at), state=_S.QUEUED) & ~Q(id__in=Subquery(pending))
    lost = Q(Q(lease_until__isnull=True) | Q(lease_until__lt=at), state__in=[_S.RUNNING, _S.CANCELLING])
    async with transaction():
        for operation in await DataOperation.filter(can_begin | lost).order_by("id").limit(BATCH):
            enqueue_run(operation)


async def _expire(operation: DataOperation) -> None:
    try:
        await dataoperations.expire(operation)
    except Conflict:
        return  # It was run again or deleted meanwhile.


async def _give_up(result: Result) -> None:
    """Give up what is made by nobody: its operation is gone, or has ended without it."""
    maker = await DataOperation.get_or_none(id=result.maker)
    if maker is None or maker.state not in (_S.RUNNING, _S.CANCELLING):
        async with transaction():
            await results.release(result)
