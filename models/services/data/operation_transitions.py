"""Moves of data operations: compare-and-set, its history, and the news of it, all of it or nothing."""

from typing import Any

from core.database.compare_and_set import change
from core.errors import Conflict
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from core.queue import Job, data_queue
from models.accounts.roles import Resource
from models.data.dataoperations import MOVES, DataOperation, DataOperationState
from models.permissions.actor import Actor
from models.services.accounts import history


async def move(
    operation: DataOperation,
    to: DataOperationState,
    actor: Actor,
    *,
    cause: str = "",
    held: int | None = None,
    **changes: Any,
) -> None:
    """Move an operation, unless it has moved meanwhile or `held`, the fence of a claim, is lost: Conflict."""
    if to not in MOVES[operation.state]:
        raise Conflict(f"An operation cannot go from {operation.state} to {to}.")
    match = {"id": operation.id, "state": operation.state} | ({} if held is None else {"fence": held})
    entry = history.moved(Resource.DATA_OPERATION, operation.id, actor, operation.state, to, cause)
    if not await change(DataOperation, match, {"state": to, **changes}, entries=[entry], news=news_of(operation)):
        raise Conflict("The operation changed meanwhile; read it again.")
    operation.update_from_dict({"state": to, **changes})


def tell(operation: DataOperation) -> None:
    """Tell after commit that the operation changed, and with it its data session."""
    outbox.collect(news_of(operation))


def news_of(operation: DataOperation) -> list[OutboxMessage]:
    """Return the news that the operation changed, and with it its data session."""
    return [outbox.event(operation.topic), outbox.event(f"datasession:{operation.datasession_id}")]


def enqueue_run(operation: DataOperation, *, after: str = "") -> None:
    """Ask within the open transaction for the operation to be run, at its time if it has one.

    `after` makes the key new: a job that has just found nothing to do, and has not ended yet, would swallow this one.
    """
    key = f"operation:{operation.id}:{operation.fence}" + (f":{after}" if after else "")
    outbox.enqueue(Job.DATAOPERATION_RUN, operation.id, queue=data_queue(), key=key, due_at=operation.due_at)
