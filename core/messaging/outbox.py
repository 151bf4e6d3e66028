"""What leaves after commit: jobs and events are rows of the transaction that causes them, sent once it holds.

The committing process sends its own rows at once. A row whose sender died stays, and the relay of any worker sends it
when its lease is over. Jobs carry a key, so that a second copy of one is dropped by the queue.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any, Protocol

import orjson
from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.concurrency.batcher import Batcher
from core.database import connection

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
ROWS_AT_ONCE = 500
COLUMNS = ("key", "kind", "name", "queue", "arguments", "due_at", "leased_until")
SEND_SECONDS = 2.0


class Kind(StrEnum):
    """What sort of message it is."""

    JOB = "job"
    EVENT = "event"


class OutboxMessage(Model):
    """Something to be sent, the row is deleted when it was."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=160, unique=True)
    kind = fields.CharEnumField(Kind, max_length=8)
    name = fields.CharField(max_length=120)
    queue = fields.CharField(max_length=64, default="")
    arguments: list[Any] = fields.JSONField(default=list)
    due_at = fields.DatetimeField(null=True)
    leased_until = fields.DatetimeField(db_index=True)

    class Meta:
        table = "outbox_message"


class Sender(Protocol):
    """Whoever can send messages: jobs to the queue, events to the bus."""

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all of them or raise; sending one twice is harmless."""
        ...


class _Post:
    """Sends for all transactions that share a sender.

    What is committed while it sends leaves together as soon as it is done: one conversation with Redis and one with the
    database for all, however many they are, and no delay for one that comes alone.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._convoy = Batcher(self._leave)

    async def send(self, batch: list[OutboxMessage]) -> None:
        """Return when the batch was sent or left to the relay."""
        await self._convoy.submit(batch)

    async def _leave(self, batch: list[OutboxMessage]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self.sender.send(batch)
            await connection.delete("outbox_message", "key", [message.key for message in batch])
        except Exception as error:  # noqa: BLE001 - the transaction holds, the rows are safe and the relay sends them
            log.warning("outbox: %d messages wait for the relay (%s)", len(batch), error)


_post: _Post | None = None
_local: ContextVar[_Post | None] = ContextVar("outbox_post", default=None)


def use(sender: Sender | None) -> None:
    """Let this process send through `sender`; without one, its messages wait for another process's relay."""
    global _post  # noqa: PLW0603 - one sender a process, set by its composition root
    _post = _Post(sender) if sender else None


@contextmanager
def using(sender: Sender) -> Iterator[None]:
    """Let this task and those that it starts send through `sender`; other calls in the process have their own."""
    token = _local.set(_Post(sender))
    try:
        yield
    finally:
        _local.reset(token)


def job(
    name: str, *arguments: int | str, queue: str, key: str | None = None, due_at: datetime | None = None
) -> OutboxMessage:
    """Return what asks for a job; of several pending ones with the same `key` one is done."""
    return OutboxMessage(
        key=f"job:{key or token_hex(12)}",
        kind=Kind.JOB,
        name=name,
        queue=queue,
        arguments=list(arguments),
        due_at=due_at,
    )


def event(topic: str) -> OutboxMessage:
    """Return what tells that the thing that `topic` names has changed."""
    return OutboxMessage(key=f"event:{token_hex(12)}", kind=Kind.EVENT, name=topic)


def enqueue(
    name: str, *arguments: int | str, queue: str, key: str | None = None, due_at: datetime | None = None
) -> None:
    """Send a job after commit."""
    collect([job(name, *arguments, queue=queue, key=key, due_at=due_at)])


def publish(topic: str) -> None:
    """Tell after commit that what `topic` names has changed."""
    collect([event(topic)])


def collect(messages: Iterable[OutboxMessage]) -> None:
    """Send these after commit; what tells the same as one before is left out."""
    batch: list[OutboxMessage] = connection.current().notes.setdefault("outbox", [])
    if not batch:
        connection.before_commit(lambda: _store(batch))
        connection.after_commit(lambda: deliver(batch))
    batch += distinct(messages, batch)


def distinct(messages: Iterable[OutboxMessage], present: Sequence[OutboxMessage] = ()) -> list[OutboxMessage]:
    """Return those of the messages that tell something new, once each."""
    new: list[OutboxMessage] = []
    for message in messages:
        if not any(_same(message, other) for other in (*present, *new)):
            new.append(message)
    return new


def _same(one: OutboxMessage, other: OutboxMessage) -> bool:
    return one.key == other.key or (one.kind is Kind.EVENT is other.kind and one.name == other.name)


def leased(messages: list[OutboxMessage]) -> list[OutboxMessage]:
    """Return the messages as this process's to send, until the lease is over."""
    until = now() + LEASE
    for message in messages:
        message.leased_until = until
    return messages


async def _store(batch: list[OutboxMessage]) -> None:
    """Write the rows in one statement; every transaction that tells anything pays for it, so it is written by hand."""
    rows: list[tuple[object, ...]] = []
    for message in leased(batch):
        due_at, arguments = (
            message.due_at and connection.moment(message.due_at),
            orjson.dumps(message.arguments).decode(),
        )
        times = (due_at, connection.moment(message.leased_until))
        rows.append((message.key, message.kind.value, message.name, message.queue, arguments, *times))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        await connection.insert_ignoring("outbox_message", COLUMNS, rows[start : start + ROWS_AT_ONCE])


async def deliver(batch: list[OutboxMessage]) -> None:
    """Send what was just committed; when that fails the rows stay for the relay."""
    if batch and (post := _local.get() or _post):
        await post.send(batch)


async def relay(limit: int = 500) -> int:
    """Send rows whose sender died or could not; return how many were sent."""
    post, at = _local.get() or _post, now()
    if post is None:
        return 0
    found = await OutboxMessage.filter(leased_until__lt=at).order_by("id").limit(limit)
    mine = [message for message in found if await _claim(message, at)]
    if mine:
        await post.sender.send(mine)
        await OutboxMessage.filter(id__in=[message.id for message in mine]).delete()
    return len(mine)


async def _claim(message: OutboxMessage, at: datetime) -> bool:
    claimed = await OutboxMessage.filter(id=message.id, leased_until__lt=at).update(leased_until=at + LEASE)
    return claimed == 1
