"""Create, cancel, rerun, delete and expire data operations. `operation_runs` has what workers do with them."""

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
from models.data.dataoperations import PENDING, TERMINAL_STATES, DataOperation, DataOperationState, OperationDependency
from models.data.datasessions import Datasession
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import history
from models.services.data import operation_queue, results, uploads
from models.services.data.operation_queue import enqueue_run
from models.services.transitions import publish_change, transition


async def create(
    datasession: Datasession,
    name: str,
    code_version: str,
    inputs: Mapping[str, Any],
    *,
    depends_on: Collection[int],
    actor: Actor,
    upload_ids: Collection[int] = (),
    max_pending: int | None = None,
) -> DataOperation:
    """Queue an operation with canonical inputs. It starts when the operations in `depends_on` have succeeded.

    The uploads that it reads are kept for the data session. Conflict if the creator already has `max_pending`
    operations that wait or run.
    """
    async with transaction():
        await _check_quota(filter(None, [actor.user_id]), max_pending)
        operation = await DataOperation.create(
            datasession_id=datasession.id,
            creator_id=actor.user_id,
            name=name,
            code_version=code_version,
            inputs=dict(inputs),
        )
        await uploads.add_references(datasession, upload_ids)
        for needed_id in sorted(set(depends_on)):
            await OperationDependency.create(operation_id=operation.id, needed_id=needed_id)
        await history.record(
            Resource.DATA_OPERATION,
            operation.id,
            "create",
            actor,
            to_state=DataOperationState.QUEUED,
            detail={"name": name},
        )
        if await operation_queue.blocked_reason(operation) is None:
            enqueue_run(operation)
        publish_change(operation)
    return operation


async def _check_quota(creators: Iterable[int], max_pending: int | None) -> None:
    """Raise Conflict if a creator would have more than `max_pending` operations that wait or run.

    `creators` has one entry per operation that will be queued. Call it in the transaction that queues them.
    """
    for creator, more in sorted(Counter(creators).items()):
        # The lock on the user makes concurrent requests of one creator wait, so that each counts the others' rows.
        await User.filter(id=creator).select_for_update(no_key=True).first()
        pending = await DataOperation.filter(creator_id=creator, state__in=PENDING).count()
        if max_pending is not None and pending + more > max_pending:
            raise Conflict(
                f"One user can have at most {max_pending} operations that wait or run, and {pending} do. "
                "Wait until some have ended, or cancel them."
            )


async def request_cancel(operation: DataOperation, *, actor: Actor, cause: str = "") -> None:
    """Request the cancellation of an operation. No effect if it has ended or is ending. Its dependents fail."""
    for _ in range(3):
        if operation.state in TERMINAL_STATES or operation.state is DataOperationState.CANCELLING:
            return
        try:
            async with transaction():
                await _cancel(operation, actor, cause or "Cancelled on request.")
        except Conflict:
            await operation.refresh_from_db()
        else:
            return
    raise Conflict("Other requests changed the operation at the same time. Try again.")


async def _cancel(operation: DataOperation, actor: Actor, cause: str) -> None:
    if operation.state is DataOperationState.RUNNING:
        await transition(
            operation, DataOperationState.CANCELLING, actor, cause=cause, message=cause, phase="cancelling"
        )
        return
    await transition(
        operation,
        DataOperationState.CANCELLED,
        actor,
        cause=cause,
        expected_fence=operation.fence,
        message=cause,
        phase="cancelled",
        due_at=None,
        awaited=None,
        ended_at=now(),
    )
    await operation_queue.fail_dependents(operation, operation_queue.dependency_error(operation), now())


async def rerun(
    operation: DataOperation,
    downstream: Sequence[DataOperation],
    versions: Mapping[str, str],
    *,
    actor: Actor,
    max_pending: int | None = None,
) -> None:
    """Run an operation again, and then those of `downstream` that have ended, all with the current code version.

    Conflict if one creator would have more than `max_pending` operations that wait or run.
    """
    if operation.state in PENDING:
        raise Conflict(f"The operation is {operation.state}. Only an operation that has ended can be run again.")
    requeued = [operation, *(row for row in downstream if row.state in TERMINAL_STATES)]
    async with transaction():
        await _check_quota([each.creator_id for each in requeued], max_pending)
        for each in requeued:
            await _requeue(each, versions.get(each.name, each.code_version), actor)
        for each in (operation, *downstream):
            if await operation_queue.blocked_reason(each) is None:
                enqueue_run(each)


async def _requeue(operation: DataOperation, code_version: str, actor: Actor) -> None:
    result_id = operation.result_id
    await transition(
        operation,
        DataOperationState.QUEUED,
        actor,
        cause="Run again.",
        expected_fence=operation.fence,
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
    await results.release_reference(result_id)


async def delete(operation: DataOperation, *, actor: Actor) -> None:
    """Delete an operation. A running one ends, its dependents fail, and its result is removed if it was the last."""
    async with transaction():
        await cleanup_before_delete(operation, actor)
        await DataOperation.filter(id=operation.id).delete()
        await uploads.remove_references(await Datasession.get(id=operation.datasession_id))


async def cleanup_before_delete(operation: DataOperation, actor: Actor) -> None:
    """Fail the dependents of an operation and release its result, in the transaction that deletes it."""
    await operation_queue.fail_dependents(operation, f"An input comes from {operation.name}, which was deleted.", now())
    await DataOperation.filter(id=operation.id).update(result_id=None)
    await results.release_reference(operation.result_id)
    await results.discard(operation)
    detail = {"name": operation.name, "state": operation.state}
    await history.record(Resource.DATA_OPERATION, operation.id, "delete", actor, detail=detail)
    publish_change(operation)


async def overdue(settings: Settings, limit: int) -> list[DataOperation]:
    """Return operations whose results are older than `data_result_days`."""
    before = now() - timedelta(days=settings.data_result_days)
    return (
        await DataOperation.filter(state=DataOperationState.SUCCEEDED, ended_at__lt=before).order_by("id").limit(limit)
    )


async def expire(operation: DataOperation) -> None:
    """Release the result of an operation. It can be run again."""
    result_id = operation.result_id
    sentence = "The retention time of its result is over. Run it again to compute the result again."
    async with transaction():
        await transition(
            operation,
            DataOperationState.EXPIRED,
            SERVICE,
            cause=sentence,
            message=sentence,
            phase="expired",
            result_id=None,
        )
        await results.release_reference(result_id)
