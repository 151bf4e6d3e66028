"""What a transaction tells leaves as jobs, events and, where functions do the work, one bell for each queue."""

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
from core.queue.functions.waker import Bells
from core.settings import Settings
from tests.core.queue.test_waker import Clapper

QUEUE = region_queue("eu")


@pytest.fixture
async def clapper(database: Settings, redis: Redis) -> AsyncIterator[Clapper]:
    clapper = Clapper()
    outbox.use(Dispatcher(Queue(redis), EventBus(redis), Bells(redis, {"sessions": clapper})))
    yield clapper
    outbox.use(None)


async def test_the_bell_is_rung_after_the_job_is_there_and_never_for_a_rollback(clapper: Clapper, redis: Redis) -> None:
    async with transaction():
        for number in range(3):
            outbox.enqueue("job", number, queue=QUEUE)
        assert clapper.strikes == []
    assert (clapper.strikes, await redis.zcard(QUEUE)) == ([0], 3)

    await waker.heard(redis, QUEUE)
    await asyncio.gather(_in_vain(), return_exceptions=True)

    assert (clapper.strikes, await redis.zcard(QUEUE)) == ([0], 3)


async def _in_vain() -> None:
    async with transaction():
        outbox.enqueue("job", 7, queue=QUEUE)
        raise ZeroDivisionError


async def test_what_is_for_later_rings_later(clapper: Clapper) -> None:
    async with transaction():
        outbox.enqueue("job", 1, queue=QUEUE, due_at=now() + timedelta(seconds=30))

    (delay,) = clapper.strikes
    assert 29 <= delay <= 31


async def test_a_bell_that_fails_undoes_nothing(clapper: Clapper, redis: Redis) -> None:
    clapper.breaks = ConnectionError("nobody there")

    async with transaction():
        outbox.enqueue("job", 1, queue=QUEUE)

    assert await redis.zcard(QUEUE) == 1
    assert await outbox.OutboxMessage.all().count() == 0


async def test_events_ring_nobody(clapper: Clapper) -> None:
    async with transaction():
        outbox.publish("topic")

    assert clapper.strikes == []
