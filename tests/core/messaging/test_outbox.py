"""What leaves after commit leaves once, and what could not leave waits for a relay."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage
from tests.core.recording_sender import Post


async def _leases_are_over() -> None:
    await OutboxMessage.all().update(leased_until=now() - timedelta(seconds=1))


async def test_nothing_leaves_before_the_commit_and_each_once_after_it(post: Post) -> None:
    async with transaction():
        outbox.enqueue("job", 7, queue="q")
        outbox.publish("topic")
        assert post.sent == []

    assert post.sent == [("job", "job"), ("event", "topic")]
    assert await OutboxMessage.all().count() == 0
    assert await outbox.relay() == 0


async def test_a_rollback_sends_nothing(post: Post) -> None:
    async def in_vain() -> None:
        async with transaction():
            outbox.enqueue("job", 7, queue="q")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_vain()

    assert (post.sent, await OutboxMessage.all().count()) == ([], 0)


async def test_outside_a_transaction_nothing_can_be_sent(post: Post) -> None:
    with pytest.raises(RuntimeError):
        outbox.publish("topic")


async def test_one_transaction_says_the_same_thing_once(post: Post) -> None:
    async with transaction():
        for _ in range(3):
            outbox.publish("topic")
            outbox.enqueue("job", 7, queue="q", key="seven")
        outbox.enqueue("job", 8, queue="q", key="eight")

    assert sorted(post.sent) == [("event", "topic"), ("job", "job"), ("job", "job")]


async def test_a_post_that_is_closed_does_not_undo_the_commit_and_the_relay_sends_once(post: Post) -> None:
    post.closed = True
    async with transaction():
        outbox.enqueue("job", 7, queue="q", key="seven")
    assert await OutboxMessage.all().count() == 1
    assert await outbox.relay() == 0, "its sender's lease still runs"

    await _leases_are_over()
    post.closed = False

    assert (await outbox.relay(), await outbox.relay()) == (1, 0)
    assert post.sent == [("job", "job")]
    assert await OutboxMessage.all().count() == 0


async def test_a_relay_that_fails_keeps_the_row_for_the_next(post: Post) -> None:
    post.closed = True
    async with transaction():
        outbox.publish("topic")
    await _leases_are_over()

    with pytest.raises(ConnectionError):
        await outbox.relay()

    assert await OutboxMessage.filter(leased_until__gt=now()).count() == 1


async def test_two_relays_at_once_send_each_row_once(post: Post) -> None:
    outbox.use(None)
    async with transaction():
        for number in range(30):
            outbox.publish(f"topic-{number}")
    await _leases_are_over()
    outbox.use(post)
    post.slow = 0.05

    counts = await asyncio.gather(*(outbox.relay() for _ in range(3)))

    assert sum(counts) == 30
    assert len(post.sent) == len(set(post.sent)) == 30


async def test_a_pending_job_is_not_kept_twice(post: Post) -> None:
    post.closed = True
    for _ in range(2):
        async with transaction():
            outbox.enqueue("job", 7, queue="q", key="seven")

    assert await OutboxMessage.all().count() == 1


async def test_a_post_that_hangs_holds_the_caller_up_for_a_moment_only(post: Post) -> None:
    post.slow = 60

    async with asyncio.timeout(5), transaction():
        outbox.publish("topic")

    assert await OutboxMessage.all().count() == 1


async def test_a_cancelled_sender_leaves_the_row_for_the_relay(post: Post) -> None:
    post.slow = 60

    async def commit() -> None:
        async with transaction():
            outbox.publish("topic")

    sending = asyncio.create_task(commit())
    while await OutboxMessage.all().count() == 0:  # noqa: ASYNC110 - the row is the sign of the commit
        await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    post.slow = 0
    await _leases_are_over()

    assert await outbox.relay() == 1


async def test_what_is_committed_while_another_leaves_goes_together(post: Post) -> None:
    post.slow = 0.2
    sends: list[int] = []
    send = post.send

    async def counted(messages: Sequence[OutboxMessage]) -> None:
        sends.append(len(messages))
        await send(messages)

    post.send = counted  # type: ignore[method-assign]

    async def commit(number: int) -> None:
        async with transaction():
            outbox.publish(f"topic-{number}")

    await asyncio.gather(*(commit(number) for number in range(8)))

    assert sum(sends) == 8
    assert len(sends) < 8
    assert sorted(name for _, name in post.sent) == [f"topic-{number}" for number in range(8)]
    assert await OutboxMessage.all().count() == 0


async def test_a_call_with_a_sender_of_its_own_leaves_the_others_alone(post: Post) -> None:
    own = Post()

    with outbox.using(own):
        async with transaction():
            outbox.publish("mine")
    async with transaction():
        outbox.publish("theirs")

    assert (own.sent, post.sent) == ([("event", "mine")], [("event", "theirs")])
