"""Work on data operations: claims with lease and fence, progress, and how a run ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tortoise.expressions import F, Q

from core.clock import now
from core.database.connection import transaction
from core.errors import Conflict
from core.settings import Settings
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.input_labels import Names
from models.data.results import Result, StoredFile
from models.permissions.actor import SERVICE
from models.services.data import operation_dependencies, results
from models.services.data.operation_transitions import enqueue_run, move, tell

_S = DataOperationState
ATTEMPTS = 4
FIRST_DELAY = 1.0
LOG_CHARACTERS = 64 * 1024
MESSAGE_CHARACTERS = 1000


@dataclass
class Progress:
    """How far a run is, as it was last told, and what it said."""

    fraction: float = 0.0
    phase: str = ""
    message: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        """The last lines, as they are kept."""
        return "\n".join(self.lines)[-LOG_CHARACTERS:]

    def columns(self) -> dict[str, Any]:
        """Return the columns that hold it."""
        return {
            "fraction": min(max(self.fraction, 0.0), 1.0),
            "phase": self.phase[:64],
            "message": self.message[:MESSAGE_CHARACTERS],
            "log": self.log,
        }


async def claim(operation_id: int, settings: Settings) -> DataOperation | None:
    """Take the operation for work: one that waits and can begin, or one whose worker's lease is over.

    None means that there is nothing to do now. One that never can begin fails, one that is cancelling ends here.
    """
    operation = await DataOperation.get_or_none(id=operation_id)
    if operation is None:
        return None
    try:
        if operation.state is _S.QUEUED:
            return await _begin(operation, settings)
        if operation.lease_until is None or operation.lease_until < now():
            return await _resume(operation, settings)
    except Conflict:
        return None  # Another worker was faster, or it was cancelled in this moment.
    return None


async def _begin(operation: DataOperation, settings: Settings) -> DataOperation | None:
    if operation.due_at and operation.due_at > now():
        return None
    if operation.awaited and await results.being_made(operation.awaited):
        return None
    why = await operation_dependencies.obstacle(operation)
    if why is not None:
        if why:
            await fail(operation, why)
        return None
    await move(
        operation,
        _S.RUNNING,
        SERVICE,
        held=operation.fence,
        fence=operation.fence + 1,
        lease_until=now() + settings.lease,
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
    if operation.state is _S.CANCELLING:
        await finish_cancel(operation)
        return None
    if operation.state is not _S.RUNNING:
        return None
    if operation.attempts >= ATTEMPTS:
        sentence = f"Its worker was lost {ATTEMPTS} times while it ran; it may need more memory or time than there is."
        await fail(operation, sentence)
        return None
    rows = DataOperation.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now()), id=operation.id, state=_S.RUNNING
    )
    taken = await rows.filter(fence=operation.fence).update(
        fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=now() + settings.lease
    )
    return await DataOperation.get(id=operation.id) if taken else None


async def beat(operation: DataOperation, settings: Settings, progress: Progress | None) -> DataOperationState | None:
    """Prolong the claim and record progress if there is any; return the state, None when the claim is lost.

    A state that is neither running nor cancelling is one that the holder of the claim has recorded itself.
    """
    present = await DataOperation.get_or_none(id=operation.id, fence=operation.fence).only("id", "state", "lease_until")
    if present is None or present.state is not _S.RUNNING:
        return present.state if present else None
    half = present.lease_until is None or present.lease_until - now() < settings.lease / 2
    if progress or half:
        async with transaction():
            changes = progress.columns() if progress else {}
            rows = DataOperation.filter(id=operation.id, fence=operation.fence, state=_S.RUNNING)
            if await rows.update(lease_until=now() + settings.lease, **changes) and progress:
                tell(operation)
    return _S.RUNNING


async def note_plan(operation: DataOperation, key: str, names: Names, peak_bytes: int, seconds: float) -> None:
    """Record what the run will take, the key of its result, and what its own files are called."""
    rows = DataOperation.filter(id=operation.id, fence=operation.fence, state=_S.RUNNING)
    await rows.update(result_key=key, input_names=dict(names), estimated_bytes=peak_bytes, estimated_seconds=seconds)


async def finish(
    operation: DataOperation,
    result: Result,
    files: Sequence[StoredFile],
    data: Any,
    warnings: Sequence[str],
    progress: Progress,
) -> None:
    """Record what was computed; Conflict when the claim is lost, and then nothing of it counts."""
    async with transaction():
        if not await results.complete(result, files, data):
            raise Conflict("The result was given up meanwhile.")
        await _succeed(operation, result, warnings, progress.log)
        await results.call_waiting(result)


async def share(operation: DataOperation, result: Result, progress: Progress) -> bool:
    """Take the result of an equal operation; False when it was given up meanwhile, Conflict when the claim is lost."""
    async with transaction():
        if not await results.attach(result):
            return False
        other = await DataOperation.filter(result_id=result.id).first()
        progress.lines.append("An equal operation was computed before; this is its result.")
        await _succeed(operation, result, other.warnings if other else (), progress.log)
    return True


async def _succeed(operation: DataOperation, result: Result, warnings: Sequence[str], log: str) -> None:
    await move(
        operation,
        _S.SUCCEEDED,
        SERVICE,
        held=operation.fence,
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
    await operation_dependencies.call_dependents(operation)


async def wait_for(operation: DataOperation, result: Result) -> None:
    """Put the operation back in line until an equal one has computed the result; it is no attempt."""
    await _back(
        operation,
        "An equal operation is being computed; its result will be this one's.",
        attempts=operation.attempts - 1,
        awaited=result.id,
    )


async def give_back(operation: DataOperation) -> None:
    """Put the operation back in line because its worker ends; it is no attempt. Harmless when the claim is lost."""
    try:
        await _back(operation, "Its worker ends; another goes on.", attempts=operation.attempts - 1)
    except Conflict:
        return


async def try_again(operation: DataOperation, sentence: str, progress: Progress) -> None:
    """Put the operation back in line for another attempt, later each time; after the last one it has failed."""
    if operation.attempts >= ATTEMPTS:
        await fail(operation, f"{sentence} It was tried {ATTEMPTS} times."[:MESSAGE_CHARACTERS], progress)
        return
    delay = FIRST_DELAY * 4 ** (operation.attempts - 1)
    sentence = f"{sentence} It is tried again in {delay:.0f} s."[:MESSAGE_CHARACTERS]
    await _back(operation, sentence, due_at=now() + timedelta(seconds=delay), log=progress.log)


async def _back(operation: DataOperation, sentence: str, **changes: Any) -> None:
    async with transaction():
        given = {"lease_until": None, "message": sentence, "phase": "waiting", **changes}
        await move(operation, _S.QUEUED, SERVICE, cause=sentence, held=operation.fence, **given)
        await results.abandon(operation)
        if operation.awaited is None:
            enqueue_run(operation)


async def fail(operation: DataOperation, sentence: str, progress: Progress | None = None) -> None:
    """End the operation with a sentence, and with it those that wait for its outputs."""
    message = sentence[:MESSAGE_CHARACTERS]
    changes: dict[str, Any] = {"log": progress.log} if progress else {}
    async with transaction():
        await move(
            operation,
            _S.FAILED,
            SERVICE,
            cause=message,
            held=operation.fence,
            message=message,
            phase="failed",
            lease_until=None,
            due_at=None,
            awaited=None,
            ended_at=now(),
            **changes,
        )
        await results.abandon(operation)
        await operation_dependencies.fail_dependents(operation, operation_dependencies.propagated(operation), now())


async def finish_cancel(operation: DataOperation) -> None:
    """Record that a cancelling operation has stopped; Conflict when the claim is lost."""
    if operation.state is not _S.CANCELLING:
        await operation.refresh_from_db(fields=["state"])
    async with transaction():
        await move(
            operation,
            _S.CANCELLED,
            SERVICE,
            held=operation.fence,
            lease_until=None,
            phase="cancelled",
            ended_at=now(),
        )
        await results.abandon(operation)
        await operation_dependencies.fail_dependents(operation, operation_dependencies.propagated(operation), now())
