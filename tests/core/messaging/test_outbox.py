"""Messages are sent once after commit; unsent ones wait for a relay."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from tests.core.recording_sender import RecordingSender


async def _expire_leases() -> None:
    await OutboxMessage.all().update(leased_until=now() - timedelta(seconds=1))


async def test_messages_are_sent_once_after_commit(sender: RecordingSender) -> None:
    async with transaction():
        outbox.enqueue("job", 7, queue="q")
        outbox.publish("topic")
        assert sender.sent == []

    assert sender.sent == [("job", "job"), ("event", "topic")]
    assert await OutboxMessage.all().count() == 0
    assert await outbox.relay() == 0


async def test_rollback_sends_nothing(sender: RecordingSender) -> None:
    async def failing_transaction() -> None:
        async with transaction():
            outbox.enqueue("job", 7, queue="q")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing_transaction()

    assert (sender.sent, await OutboxMessage.all().count()) == ([], 0)


async def test_sending_needs_a_transaction(sender: RecordingSender) -> None:
    with pytest.raises(RuntimeError):
        outbox.publish("topic")


async def test_repeated_message_is_sent_once(sender: RecordingSender) -> None:
    async with transaction():
        for _ in range(3):
            outbox.publish("topic")
            outbox.enqueue("job", 7, queue="q", key="seven")
        outbox.enqueue("job", 8, queue="q", key="eight")

    assert sorted(sender.sent) == [("event", "topic"), ("job", "job"), ("job", "job")]


async def test_failed_sender_leaves_messages_to_the_relay(sender: RecordingSender) -> None:
    sender.closed = True
    async with transaction():
        outbox.enqueue("job", 7, queue="q", key="seven")
    assert await OutboxMessage.all().count() == 1
    assert await outbox.relay() == 0, "its sender's lease still runs"

    await _expire_leases()
    sender.closed = False

    assert (await outbox.relay(), await outbox.relay()) == (1, 0)
    assert sender.sent == [("job", "job")]
    assert await OutboxMessage.all().count() == 0


async def test_failed_relay_keeps_the_row(sender: RecordingSender) -> None:
    sender.closed = True
    async with transaction():
        outbox.publish("topic")
    await _expire_leases()

    with pytest.raises(ConnectionError):
        await outbox.relay()

    assert await OutboxMessage.filter(leased_until__gt=now()).count() == 1


async def test_concurrent_relays_send_each_row_once(sender: RecordingSender) -> None:
    outbox.set_sender(None)
    async with transaction():
        for number in range(30):
            outbox.publish(f"topic-{number}")
    await _expire_leases()
    outbox.set_sender(sender)
    sender.delay_seconds = 0.05

    counts = await asyncio.gather(*(outbox.relay() for _ in range(3)))

    assert sum(counts) == 30
    assert len(sender.sent) == len(set(sender.sent)) == 30


async def test_pending_job_is_stored_once(sender: RecordingSender) -> None:
    sender.closed = True
    for _ in range(2):
        async with transaction():
            outbox.enqueue("job", 7, queue="q", key="seven")

    assert await OutboxMessage.all().count() == 1


async def test_hanging_sender_delays_the_caller_briefly(sender: RecordingSender) -> None:
    sender.delay_seconds = 60

    async with asyncio.timeout(5), transaction():
        outbox.publish("topic")

    assert await OutboxMessage.all().count() == 1


async def test_cancelled_sender_leaves_the_row_to_relay(sender: RecordingSender) -> None:
    sender.delay_seconds = 60

    async def commit() -> None:
        async with transaction():
            outbox.publish("topic")

    sending = asyncio.create_task(commit())
    while await OutboxMessage.all().count() == 0:  # noqa: ASYNC110 - the row is the sign of the commit
        await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    sender.delay_seconds = 0
    await _expire_leases()

    assert await outbox.relay() == 1


async def test_messages_committed_during_a_send_are_batched(sender: RecordingSender) -> None:
    sender.delay_seconds = 0.2
    sends: list[int] = []
    send = sender.send

    async def counted(messages: Sequence[OutboxMessage]) -> None:
        sends.append(len(messages))
        await send(messages)

    sender.send = counted  # type: ignore[method-assign]

    async def commit(number: int) -> None:
        async with transaction():
            outbox.publish(f"topic-{number}")

    await asyncio.gather(*(commit(number) for number in range(8)))

    assert sum(sends) == 8
    assert len(sends) < 8
    assert sorted(name for _, name in sender.sent) == [f"topic-{number}" for number in range(8)]
    assert await OutboxMessage.all().count() == 0


async def test_task_sender_does_not_affect_other_tasks(sender: RecordingSender) -> None:
    own = RecordingSender()

    with outbox.override_sender(own):
        async with transaction():
            outbox.publish("mine")
    async with transaction():
        outbox.publish("theirs")

    assert (own.sent, sender.sent) == ([("event", "mine")], [("event", "theirs")])
