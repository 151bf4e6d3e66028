"""State transitions of data operations, each one atomic with its history entry and its outbox messages."""

from typing import Any

from core.database.compare_and_set import update_with_outbox
from core.errors import Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.queue import Job, data_queue
from models.accounts.roles import Resource
from models.data.dataoperations import TRANSITIONS, DataOperation, DataOperationState
from models.permissions.actor import Actor
from models.services.accounts import history


async def transition(
    operation: DataOperation,
    to: DataOperationState,
    actor: Actor,
    *,
    cause: str = "",
    expected_fence: int | None = None,
    **changes: Any,
) -> None:
    """Change the state of an operation and other columns.

    Conflict if `TRANSITIONS` does not allow it, if the row was changed since it was read, or if its fence is not
    `expected_fence`.
    """
    if to not in TRANSITIONS[operation.state]:
        raise Conflict(f"An operation that is {operation.state} cannot become {to}. Read it again.")
    match = {"id": operation.id, "state": operation.state} | (
        {} if expected_fence is None else {"fence": expected_fence}
    )
    entry = history.transition_entry(Resource.DATA_OPERATION, operation.id, actor, operation.state, to, cause)
    if not await update_with_outbox(
        DataOperation, match, {"state": to, **changes}, history=[entry], messages=change_messages(operation)
    ):
        raise Conflict("Another request changed the operation. Read it again.")
    operation.update_from_dict({"state": to, **changes})


def publish_change(operation: DataOperation) -> None:
    """Publish after commit that the operation and its data session changed."""
    outbox.collect(change_messages(operation))


def change_messages(operation: DataOperation) -> list[OutboxMessage]:
    """Return the events for a change of the operation and its data session."""
    return [outbox.event(operation.topic), outbox.event(f"datasession:{operation.datasession_id}")]


def enqueue_run(operation: DataOperation, *, after: str = "") -> None:
    """Enqueue the run in the open transaction, at `due_at` if it is set.

    `after` makes the job key unique. Otherwise a job with the same key that is just ending would deduplicate it.
    """
    key = f"operation:{operation.id}:{operation.fence}" + (f":{after}" if after else "")
    outbox.enqueue(Job.DATAOPERATION_RUN, operation.id, queue=data_queue(), key=key, due_at=operation.due_at)
