"""What leaves after commit: jobs and events are rows of the transaction that causes them, sent once it holds.

The committing process sends its own rows at once. A row whose sender died stays, and the relay of any worker sends it
when its lease is over. Jobs carry a key, so that a second copy of one is dropped by the queue.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any, Protocol

from tortoise import fields
from tortoise.models import Model

from core import database
from core.clock import now

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
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


_sender: Sender | None = None
_local: ContextVar[Sender | None] = ContextVar("outbox_sender", default=None)


@contextmanager
def using(sender: Sender) -> Iterator[None]:
    """Let this task and those that it starts send through `sender`; other calls in the process have their own."""
    token = _local.set(sender)
    try:
        yield
    finally:
        _local.reset(token)


def use(sender: Sender | None) -> None:
    """Let this process send through `sender`; without one, its messages wait for another process's relay."""
    global _sender  # noqa: PLW0603 - one sender a process, set by its composition root
    _sender = sender


def enqueue(
    name: str, *arguments: int | str, queue: str, key: str | None = None, due_at: datetime | None = None
) -> None:
    """Send a job after commit; of several pending ones with the same `key` one is done."""
    _collect(
        OutboxMessage(
            key=f"job:{key or token_hex(12)}",
            kind=Kind.JOB,
            name=name,
            queue=queue,
            arguments=list(arguments),
            due_at=due_at,
        )
    )


def publish(topic: str) -> None:
    """Tell after commit that what `topic` names has changed."""
    _collect(OutboxMessage(key=f"event:{token_hex(12)}", kind=Kind.EVENT, name=topic))


def _collect(message: OutboxMessage) -> None:
    batch: list[OutboxMessage] = database.current().notes.setdefault("outbox", [])
    if not batch:
        database.before_commit(lambda: _store(batch))
        database.after_commit(lambda: _deliver(batch))
    if not any(_same(message, other) for other in batch):
        batch.append(message)


def _same(one: OutboxMessage, other: OutboxMessage) -> bool:
    return one.key == other.key or (one.kind is Kind.EVENT is other.kind and one.name == other.name)


async def _store(batch: list[OutboxMessage]) -> None:
    for message in batch:
        message.leased_until = now() + LEASE
    await OutboxMessage.bulk_create(batch, ignore_conflicts=True)


async def _deliver(batch: list[OutboxMessage]) -> None:
    """Send what was just committed; when that fails the rows stay for the relay."""
    sender = _local.get() or _sender
    if sender is None:
        return
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await sender.send(batch)
        await OutboxMessage.filter(key__in=[message.key for message in batch]).delete()
    except Exception as error:  # noqa: BLE001 - the transaction holds, the rows are safe and the relay sends them
        log.warning("outbox: %d messages wait for the relay (%s)", len(batch), error)


async def relay(limit: int = 500) -> int:
    """Send rows whose sender died or could not; return how many were sent."""
    sender, at = _local.get() or _sender, now()
    if sender is None:
        return 0
    found = await OutboxMessage.filter(leased_until__lt=at).order_by("id").limit(limit)
    mine = [message for message in found if await _claim(message, at)]
    if mine:
        await sender.send(mine)
        await OutboxMessage.filter(id__in=[message.id for message in mine]).delete()
    return len(mine)


async def _claim(message: OutboxMessage, at: datetime) -> bool:
    claimed = await OutboxMessage.filter(id=message.id, leased_until__lt=at).update(leased_until=at + LEASE)
    return claimed == 1
