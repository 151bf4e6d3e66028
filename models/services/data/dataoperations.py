"""Ask for data operations, cancel them, run them again, delete them, and let their results expire."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.clock import now
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from models.accounts.roles import Resource
from models.accounts.users import User
from models.data.dataoperations import ENDINGS, PENDING, DataOperation, DataOperationState, Need
from models.data.datasessions import Datasession
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import history
from models.services.data import operation_dependencies, results, upload_references
from models.services.data.operation_transitions import enqueue_run, move, tell

_S = DataOperationState


async def create(
    datasession: Datasession,
    name: str,
    code_version: str,
    inputs: Mapping[str, Any],
    *,
    needs: Collection[int],
    actor: Actor,
    uploads: Collection[int] = (),
    most: int | None = None,
) -> DataOperation:
    """Queue an operation with canonical inputs; it begins when the operations that it `needs` have succeeded.

    The `uploads` that it reads are kept for the data session. Conflict when `most` of the creator's wait or run.
    """
    async with transaction():
        await _leave_room(filter(None, [actor.user_id]), most)
        operation = await DataOperation.create(
            datasession_id=datasession.id,
            creator_id=actor.user_id,
            name=name,
            code_version=code_version,
            inputs=dict(inputs),
        )
        await upload_references.keep(datasession, uploads)
        for needed in sorted(set(needs)):
            await Need.create(operation_id=operation.id, needed_id=needed)
        await history.record(
            Resource.DATA_OPERATION, operation.id, "create", actor, to_state=_S.QUEUED, detail={"name": name}
        )
        if await operation_dependencies.obstacle(operation) is None:
            enqueue_run(operation)
        tell(operation)
    return operation


async def _leave_room(creators: Iterable[int], most: int | None) -> None:
    """Raise Conflict within the open transaction when somebody would have more than `most` that wait or run.

    `creators` has one entry for each operation that is to be queued. Whoever queues at the same time waits for us.
    """
    for creator, more in sorted(Counter(creators).items()):
        await User.filter(id=creator).select_for_update(no_key=True).first()
        pending = await DataOperation.filter(creator_id=creator, state__in=PENDING).count()
        if most is not None and pending + more > most:
            raise Conflict(
                f"At most {most} operations of one person wait or run at once, and {pending} do; "
                "wait until some have ended, or cancel them."
            )


async def request_cancel(operation: DataOperation, *, actor: Actor, cause: str = "") -> None:
    """Ask for the end of an operation; harmless when it is ending or has ended. Those that wait for it fail."""
    for _ in range(3):
        if operation.state in ENDINGS or operation.state is _S.CANCELLING:
            return
        try:
            async with transaction():
                await _cancel(operation, actor, cause or "Cancelled on request.")
        except Conflict:
            await operation.refresh_from_db()
        else:
            return
    raise Conflict("The operation keeps changing; try again.")


async def _cancel(operation: DataOperation, actor: Actor, cause: str) -> None:
    if operation.state is _S.RUNNING:
        await move(operation, _S.CANCELLING, actor, cause=cause, message=cause, phase="cancelling")
        return
    await move(
        operation,
        _S.CANCELLED,
        actor,
        cause=cause,
        held=operation.fence,
        message=cause,
        phase="cancelled",
        due_at=None,
        awaited=None,
        ended_at=now(),
    )
    await operation_dependencies.fail_dependents(operation, operation_dependencies.propagated(operation), now())


async def rerun(
    operation: DataOperation,
    downstream: Sequence[DataOperation],
    versions: Mapping[str, str],
    *,
    actor: Actor,
    most: int | None = None,
) -> None:
    """Compute an operation again, and then those of `downstream` that have ended, all with the present code.

    Conflict when then more than `most` of one creator would wait or run.
    """
    if operation.state in PENDING:
        raise Conflict(f"The operation is {operation.state}; one that has ended can be run again.")
    again = [operation, *(row for row in downstream if row.state in ENDINGS)]
    async with transaction():
        await _leave_room([each.creator_id for each in again], most)
        for each in again:
            await _requeue(each, versions.get(each.name, each.code_version), actor)
        for each in (operation, *downstream):
            if await operation_dependencies.obstacle(each) is None:
                enqueue_run(each)


async def _requeue(operation: DataOperation, code_version: str, actor: Actor) -> None:
    result_id = operation.result_id
    await move(
        operation,
        _S.QUEUED,
        actor,
        cause="Run again.",
        held=operation.fence,
        fence=operation.fence + 1,
        code_version=code_version,
        result_id=None,
        result_key=None,
        attempts=0,
        phase="",
        fraction=0.0,
        message="",
        log="",
        warnings=[],
        input_names={},
        started_at=None,
        ended_at=None,
    )
    await results.let_go(result_id)


async def delete(operation: DataOperation, *, actor: Actor) -> None:
    """Delete an operation; one that runs ends at once, those that wait for it fail, its result goes with the last."""
    async with transaction():
        await forget(operation, actor)
        await DataOperation.filter(id=operation.id).delete()
        await upload_references.let_go(await Datasession.get(id=operation.datasession_id))


async def forget(operation: DataOperation, actor: Actor) -> None:
    """Do within the open transaction what the deletion of an operation means for others."""
    await operation_dependencies.fail_dependents(
        operation, f"An input comes from {operation.name}, which was deleted.", now()
    )
    await DataOperation.filter(id=operation.id).update(result_id=None)
    await results.let_go(operation.result_id)
    await results.abandon(operation)
    detail = {"name": operation.name, "state": operation.state}
    await history.record(Resource.DATA_OPERATION, operation.id, "delete", actor, detail=detail)
    tell(operation)


async def overdue(settings: Settings, limit: int) -> list[DataOperation]:
    """Return operations whose results are older than results are kept."""
    before = now() - timedelta(days=settings.data_result_days)
    return await DataOperation.filter(state=_S.SUCCEEDED, ended_at__lt=before).order_by("id").limit(limit)


async def expire(operation: DataOperation) -> None:
    """Let go of the result of an operation; it can be computed again."""
    result_id = operation.result_id
    sentence = "Its result was kept as long as results are kept; run it again to have it again."
    async with transaction():
        await move(operation, _S.EXPIRED, SERVICE, cause=sentence, message=sentence, phase="expired", result_id=None)
        await results.let_go(result_id)
