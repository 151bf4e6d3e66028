"""Runs of data operations: claim, renew, progress and outcome. Workers call it; each write checks the fence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.clock import now
from core.database import leases
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.input_labels import InputNames
from models.data.results import Result, StoredFile
from models.permissions.principal import SERVICE
from models.services.data import operation_queue, results
from models.services.data.operation_queue import enqueue_run
from models.services.transitions import change_events, transition

MAX_RUN_ATTEMPTS = 4
FIRST_DELAY_SECONDS = 1.0
MAX_LOG_CHARACTERS = 64 * 1024
MAX_MESSAGE_CHARACTERS = 1000


@dataclass
class Progress:
    """The last reported progress of a run, and its log lines."""

    fraction: float = 0.0
    phase: str = ""
    message: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        """The end of the log, as it is stored."""
        return "\n".join(self.lines)[-MAX_LOG_CHARACTERS:]

    def columns(self) -> dict[str, Any]:
        """Return the columns to update."""
        return {
            "fraction": min(max(self.fraction, 0.0), 1.0),
            "phase": self.phase[:64],
            "message": self.message[:MAX_MESSAGE_CHARACTERS],
            "log": self.log,
        }


async def claim(operation_id: int, settings: Settings) -> DataOperation | None:
    """Claim a queued operation that can start, or a running one whose lease has expired; None if there is no work.

    An operation that can never start fails here. One that is cancelling ends here.
    """
    operation = await DataOperation.get_or_none(id=operation_id)
    if operation is None:
        return None
    try:
        if operation.state is DataOperationState.QUEUED:
            return await _begin(operation, settings)
        if operation.lease_until is None or operation.lease_until < now():
            return await _resume(operation, settings)
    except Conflict:
        return None  # Another worker claimed it first, or a user cancelled it.
    return None


async def _begin(operation: DataOperation, settings: Settings) -> DataOperation | None:
    if operation.due_at and operation.due_at > now():
        return None
    if operation.awaited and await results.is_being_computed(operation.awaited):
        return None
    reason = await operation_queue.blocked_reason(operation)
    if reason is not None:
        if reason:
            await fail(operation, reason)
        return None
    await transition(
        operation,
        DataOperationState.RUNNING,
        SERVICE,
        expected_fence=operation.fence,
        **leases.new_claim(operation, leases.expiry(settings.lease_seconds)),
        attempts=operation.attempts + 1,
        started_at=now(),
        due_at=None,
        awaited=None,
        phase="starting",
        fraction=0.0,
        message="",
    )
    return operation


async def _resume(operation: DataOperation, settings: Settings) -> DataOperation | None:
    if operation.state is DataOperationState.CANCELLING:
        await finish_cancel(operation)
        return None
    if operation.state is not DataOperationState.RUNNING:
        return None
    if operation.attempts >= MAX_RUN_ATTEMPTS:
        await fail(
            operation,
            f"Its worker stopped {MAX_RUN_ATTEMPTS} times while it ran. It may need too much memory or time; "
            "try it with fewer or smaller files.",
        )
        return None
    expected = {"id": operation.id, "state": DataOperationState.RUNNING, "fence": operation.fence}
    return await leases.claim(DataOperation, expected, leases.expiry(settings.lease_seconds), counter="attempts")


async def renew(operation: DataOperation, settings: Settings, progress: Progress | None) -> DataOperationState | None:
    """Renew the lease and record progress if there is any. Return the state; None if the claim is lost.

    A terminal state was recorded by the holder of the claim itself.
    """
    current = await DataOperation.get_or_none(id=operation.id, fence=operation.fence).only("id", "state", "lease_until")
    if current is None or current.state is not DataOperationState.RUNNING:
        return current.state if current else None
    renewal_due = current.lease_until is None or current.lease_until < leases.expiry(settings.lease_seconds / 2)
    if progress or renewal_due:
        changes, events = (progress.columns(), change_events(operation)) if progress else ({}, [])
        until = leases.expiry(settings.lease_seconds)
        await leases.renew(operation, DataOperationState.RUNNING, until, changes, messages=events)
    return DataOperationState.RUNNING


async def record_plan(operation: DataOperation, key: str, names: InputNames, peak_bytes: int, seconds: float) -> None:
    """Record the resource estimates of the run, the key of its result and the names of its files."""
    rows = DataOperation.filter(id=operation.id, fence=operation.fence, state=DataOperationState.RUNNING)
    await rows.update(result_key=key, input_names=dict(names), estimated_bytes=peak_bytes, estimated_seconds=seconds)


async def finish(
    operation: DataOperation,
    result: Result,
    files: Sequence[StoredFile],
    data: Any,
    warnings: Sequence[str],
    progress: Progress,
) -> None:
    """Record the result and that the operation succeeded; Conflict and no change if the claim is lost."""
    async with transaction():
        if not await results.complete(result, files, data):
            raise Conflict("Another request discarded the result.")
        await _succeed(operation, result, warnings, progress.log)
        await results.enqueue_waiting(result)


async def share(operation: DataOperation, result: Result, progress: Progress) -> bool:
    """Succeed with the result of an equal operation; False if it was discarded, Conflict if the claim is lost."""
    async with transaction():
        if not await results.lock_for_sharing(result):
            return False
        other = await DataOperation.filter(result_id=result.id).first()
        progress.lines.append("Reused the result of an equal operation.")
        await _succeed(operation, result, other.warnings if other else (), progress.log)
    return True


async def _succeed(operation: DataOperation, result: Result, warnings: Sequence[str], log: str) -> None:
    await transition(
        operation,
        DataOperationState.SUCCEEDED,
        SERVICE,
        expected_fence=operation.fence,
        result_id=result.id,
        result_key=result.key,
        warnings=list(warnings),
        fraction=1.0,
        phase="done",
        message="",
        log=log,
        lease_until=None,
        ended_at=now(),
    )
    await operation_queue.enqueue_dependents(operation)


async def wait_for(operation: DataOperation, result: Result) -> None:
    """Requeue the operation until an equal one has computed the result. This does not count as an attempt."""
    await _requeue(
        operation,
        "Waiting for the result of an equal operation, which is running.",
        attempts=operation.attempts - 1,
        awaited=result.id,
    )


async def release(operation: DataOperation) -> None:
    """Requeue the operation because its worker shuts down. Not an attempt; no effect if the claim is lost."""
    try:
        await _requeue(operation, "Its worker shut down. Another worker continues.", attempts=operation.attempts - 1)
    except Conflict:
        return


async def retry(operation: DataOperation, sentence: str, progress: Progress) -> None:
    """Requeue the operation with a growing delay, or fail it after the last attempt."""
    if operation.attempts >= MAX_RUN_ATTEMPTS:
        await fail(operation, f"{sentence} It failed {MAX_RUN_ATTEMPTS} times."[:MAX_MESSAGE_CHARACTERS], progress)
        return
    delay = FIRST_DELAY_SECONDS * 4 ** (operation.attempts - 1)
    sentence = f"{sentence} The next attempt is in {delay:.0f} s."[:MAX_MESSAGE_CHARACTERS]
    await _requeue(operation, sentence, due_at=now() + timedelta(seconds=delay), log=progress.log)


async def _requeue(operation: DataOperation, sentence: str, **changes: Any) -> None:
    async with transaction():
        columns = {"lease_until": None, "message": sentence, "phase": "waiting", **changes}
        await transition(
            operation, DataOperationState.QUEUED, SERVICE, cause=sentence, expected_fence=operation.fence, **columns
        )
        await results.discard(operation)
        if operation.awaited is None:
            enqueue_run(operation)


async def fail(operation: DataOperation, sentence: str, progress: Progress | None = None) -> None:
    """Fail the operation with a message, and the operations that wait for its outputs."""
    message = sentence[:MAX_MESSAGE_CHARACTERS]
    changes: dict[str, Any] = {"log": progress.log} if progress else {}
    async with transaction():
        await transition(
            operation,
            DataOperationState.FAILED,
            SERVICE,
            cause=message,
            expected_fence=operation.fence,
            message=message,
            phase="failed",
            lease_until=None,
            due_at=None,
            awaited=None,
            ended_at=now(),
            **changes,
        )
        await results.discard(operation)
        await operation_queue.fail_dependents(operation, operation_queue.dependency_error(operation), now())


async def finish_cancel(operation: DataOperation) -> None:
    """Record that a cancelling operation has stopped; Conflict if the claim is lost."""
    if operation.state is not DataOperationState.CANCELLING:
        await operation.refresh_from_db(fields=["state"])
    async with transaction():
        await transition(
            operation,
            DataOperationState.CANCELLED,
            SERVICE,
            expected_fence=operation.fence,
            lease_until=None,
            phase="cancelled",
            ended_at=now(),
        )
        await results.discard(operation)
        await operation_queue.fail_dependents(operation, operation_queue.dependency_error(operation), now())
