"""The transactional outbox: jobs and events are rows of the transaction that causes them, and are sent after commit.

The committing process sends its own rows at once. If it dies first, the relay of any worker sends them when their lease
expires. Jobs have a key, so the queue drops a second copy.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any, Protocol

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.concurrency.batcher import Batcher
from core.database import connection, sql

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
SEND_SECONDS = 2.0


class MessageKind(StrEnum):
    """Whether a message is a job or an event."""

    JOB = "job"
    EVENT = "event"


class OutboxMessage(Model):
    """A job or event to send. The row is deleted after it was sent."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=160, unique=True)
    kind = fields.CharEnumField(MessageKind, max_length=8)
    name = fields.CharField(max_length=120)
    queue = fields.CharField(max_length=64, default="")
    arguments: list[Any] = fields.JSONField(default=list)
    due_at = fields.DatetimeField(null=True)
    leased_until = fields.DatetimeField(db_index=True)

    class Meta:
        table = "outbox_message"


class Sender(Protocol):
    """The sender of messages, such as the dispatcher."""

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all of them or raise. Sending a message twice must be harmless."""
        ...


class _Publisher:
    """Sends for all transactions that share a sender.

    Messages committed while a send is running are sent together next: one round trip to Redis and one to the database
    for all of them.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._batcher = Batcher(self._flush)

    async def send(self, batch: list[OutboxMessage]) -> None:
        """Return when the batch was sent or left to the relay."""
        await self._batcher.submit(batch)

    async def _flush(self, batch: list[OutboxMessage]) -> None:
        try:
            # The request waits for this, so a Redis that hangs must not hold it up.
            async with asyncio.timeout(SEND_SECONDS):
                await self.sender.send(batch)
            await sql.delete(OutboxMessage, "key", [message.key for message in batch])
        except Exception as error:  # noqa: BLE001 - the transaction is committed; the relay sends the rows later
            log.warning("outbox: %d messages wait for the relay (%s)", len(batch), error)


_publisher: _Publisher | None = None
_task_publisher: ContextVar[_Publisher | None] = ContextVar("outbox_publisher", default=None)


def set_sender(sender: Sender | None) -> None:
    """Send the messages of this process through `sender`; None leaves them to another process's relay."""
    global _publisher  # noqa: PLW0603 - one sender per process, set at start
    _publisher = _Publisher(sender) if sender else None


@contextmanager
def override_sender(sender: Sender) -> Iterator[None]:
    """Send the messages of this task, and of those that it starts, through `sender`."""
    token = _task_publisher.set(_Publisher(sender))
    try:
        yield
    finally:
        _task_publisher.reset(token)


def job(
    name: str, *arguments: int | str, queue: str, key: str | None = None, due_at: datetime | None = None
) -> OutboxMessage:
    """Return the message of a job. Of several pending jobs with the same `key` one runs."""
    return OutboxMessage(
        key=f"job:{key or token_hex(12)}",
        kind=MessageKind.JOB,
        name=name,
        queue=queue,
        arguments=list(arguments),
        due_at=due_at,
    )


def event(topic: str) -> OutboxMessage:
    """Return the message of an event: the row that `topic` names has changed."""
    return OutboxMessage(key=f"event:{token_hex(12)}", kind=MessageKind.EVENT, name=topic)


def enqueue(
    name: str, *arguments: int | str, queue: str, key: str | None = None, due_at: datetime | None = None
) -> None:
    """Send a job after the open transaction commits."""
    enqueue_messages([job(name, *arguments, queue=queue, key=key, due_at=due_at)])


def publish(topic: str) -> None:
    """Publish after commit that the row that `topic` names has changed."""
    enqueue_messages([event(topic)])


def enqueue_messages(messages: Iterable[OutboxMessage]) -> None:
    """Send these after commit, without messages that repeat an earlier one."""
    batch: list[OutboxMessage] = connection.current_transaction().context.setdefault("outbox", [])
    if not batch:
        connection.before_commit(lambda: _store(batch))
        connection.after_commit(lambda: deliver(batch))
    batch += deduplicated(messages, batch)


def deduplicated(messages: Iterable[OutboxMessage], existing: Sequence[OutboxMessage] = ()) -> list[OutboxMessage]:
    """Return the messages that repeat neither each other nor one of `existing`."""
    new: list[OutboxMessage] = []
    for message in messages:
        if not any(_is_duplicate(message, other) for other in (*existing, *new)):
            new.append(message)
    return new


def _is_duplicate(one: OutboxMessage, other: OutboxMessage) -> bool:
    return one.key == other.key or (one.kind is MessageKind.EVENT is other.kind and one.name == other.name)


def with_lease(messages: list[OutboxMessage]) -> list[OutboxMessage]:
    """Lease the messages to this process and return them."""
    until = now() + LEASE
    for message in messages:
        message.leased_until = until
    return messages


async def _store(batch: list[OutboxMessage]) -> None:
    await sql.insert_or_ignore(with_lease(batch))


async def deliver(batch: list[OutboxMessage]) -> None:
    """Send messages that were just committed; on failure the relay sends them."""
    if batch and (publisher := _task_publisher.get() or _publisher):
        await publisher.send(batch)


async def update_with_outbox(
    model: type[Model],
    match: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    history: Sequence[Model] = (),
    messages: Sequence[OutboxMessage] = (),
) -> bool:
    """Update the row if it still matches and return whether it did; `history` and `messages` go with the update.

    Outside a transaction it is one statement, and the messages are sent before it returns. Inside an open transaction
    it becomes part of that.
    """
    if connection.is_in_transaction() or connection.has_commit_hook():
        async with connection.transaction():
            updated = await sql.compare_and_set(model, match, changes, inserts=history)
            enqueue_messages(messages if updated else ())
            return updated
    leased = with_lease(deduplicated(messages))
    updated = await sql.compare_and_set(model, match, changes, inserts=[*history, *leased])
    await deliver(leased if updated else [])
    return updated


async def relay(limit: int = 500) -> int:
    """Send rows whose lease has expired, and return how many were sent."""
    publisher, at = _task_publisher.get() or _publisher, now()
    if publisher is None:
        return 0
    found = await OutboxMessage.filter(leased_until__lt=at).order_by("id").limit(limit)
    claimed = [message for message in found if await _claim(message, at)]
    if claimed:
        # A crash between send and delete sends them again; the job key and the nature of events make that harmless.
        await publisher.sender.send(claimed)
        await OutboxMessage.filter(id__in=[message.id for message in claimed]).delete()
    return len(claimed)


async def _claim(message: OutboxMessage, at: datetime) -> bool:
    count = await OutboxMessage.filter(id=message.id, leased_until__lt=at).update(leased_until=at + LEASE)
    return count == 1
