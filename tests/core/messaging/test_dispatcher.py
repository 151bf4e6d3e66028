"""The dispatcher sends jobs and events, and wakes the function of each queue once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.event_bus import EventBus
from core.queue import Queue, region_queue
from core.queue.functions import waker
from core.queue.functions.waker import FunctionWaker
from core.settings import Settings
from tests.core.queue.test_waker import RecordingTransport

QUEUE = region_queue("eu")


@pytest.fixture
async def transport(database: Settings, redis: Redis) -> AsyncIterator[RecordingTransport]:
    transport = RecordingTransport()
    outbox.set_sender(Dispatcher(Queue(redis), EventBus(redis), FunctionWaker(redis, {"sessions": transport})))
    yield transport
    outbox.set_sender(None)


async def test_function_is_woken_only_after_commit(transport: RecordingTransport, redis: Redis) -> None:
    async with transaction():
        for number in range(3):
            outbox.enqueue("job", number, queue=QUEUE)
        assert transport.delays == []
    assert (transport.delays, await redis.zcard(QUEUE)) == ([0], 3)

    await waker.acknowledge_wakeup(redis, QUEUE)
    await asyncio.gather(_failing_transaction(), return_exceptions=True)

    assert (transport.delays, await redis.zcard(QUEUE)) == ([0], 3)


async def _failing_transaction() -> None:
    async with transaction():
        outbox.enqueue("job", 7, queue=QUEUE)
        raise ZeroDivisionError


async def test_deferred_job_delays_the_wakeup(transport: RecordingTransport) -> None:
    async with transaction():
        outbox.enqueue("job", 1, queue=QUEUE, due_at=now() + timedelta(seconds=30))

    (delay,) = transport.delays
    assert 29 <= delay <= 31


async def test_failed_wakeup_undoes_nothing(transport: RecordingTransport, redis: Redis) -> None:
    transport.error = ConnectionError("refused")

    async with transaction():
        outbox.enqueue("job", 1, queue=QUEUE)

    assert await redis.zcard(QUEUE) == 1
    assert await outbox.OutboxMessage.all().count() == 0


async def test_waker_is_skipped_without_functions(
    database: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []

    async def wake(_waker: FunctionWaker, queue: str, _due_at: object = None) -> bool:
        woken.append(queue)
        return False

    monkeypatch.setattr(FunctionWaker, "wake", wake)
    for transports in ({}, {"data": RecordingTransport()}):
        sender = Dispatcher(Queue(redis), EventBus(redis), FunctionWaker(redis, transports))
        await sender.send([outbox.job("job", 1, queue=QUEUE)])

    assert woken == [QUEUE]


async def test_events_wake_no_function(transport: RecordingTransport) -> None:
    async with transaction():
        outbox.publish("topic")

    assert transport.delays == []
