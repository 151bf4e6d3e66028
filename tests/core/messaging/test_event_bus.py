"""Events reach all listeners, are merged while one is busy, and cause a resync after a lost connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.messaging.event_bus import EventBus, TopicListener
from core.redis.client import MEMORY_URL, close_redis, open_redis
from tests.waiting import eventually


@pytest.fixture
async def bus(redis: Redis) -> AsyncIterator[EventBus]:
    bus = EventBus(redis)
    await bus.start()
    yield bus
    await bus.stop()


@pytest.fixture
async def other(redis_address: str, redis: Redis) -> AsyncIterator[EventBus]:
    """The bus of another process: another client of the same Redis."""
    client = open_redis(redis_address)
    bus = EventBus(client)
    await bus.start()
    yield bus
    await bus.stop()
    await close_redis(client)


async def _next(listener: TopicListener, within: float = 3) -> frozenset[str]:
    return await asyncio.wait_for(listener.wait(), within)


async def _quiet(listener: TopicListener) -> bool:
    """Return whether nothing arrives shortly after a later message has arrived."""
    try:
        await asyncio.wait_for(listener.wait(), 0.05)
    except TimeoutError:
        return True
    return False


async def test_event_reaches_listeners_in_every_process(bus: EventBus, other: EventBus) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("a", "b") as two, other.subscribe("a") as far:
        await other.publish(["a"])

        assert [await _next(each) for each in (one, two, far)] == [{"a"}] * 3


async def test_event_of_another_topic_is_not_received(bus: EventBus) -> None:
    async with bus.subscribe("a") as listener, bus.subscribe("b") as other:
        await bus.publish(["a"])
        await _next(listener)

        assert await _quiet(other)


async def test_listener_without_topics_receives_all(bus: EventBus) -> None:
    async with bus.subscribe() as listener:
        await bus.publish(["a", "b"])

        assert await _next(listener) == {"a", "b"}


async def test_events_of_a_busy_listener_are_merged(bus: EventBus) -> None:
    async with bus.subscribe("a", "b") as busy, bus.subscribe("end") as end:
        for _ in range(50):
            await bus.publish(["a"])
        await bus.publish(["b", "end"])
        await _next(end)

        assert await _next(busy) == {"a", "b"}
        assert await _quiet(busy)


async def test_publishing_nothing_sends_nothing(bus: EventBus) -> None:
    async with bus.subscribe() as listener:
        await bus.publish([])

        assert await _quiet(listener)


async def test_unsubscribed_listener_is_removed(bus: EventBus) -> None:
    async with bus.subscribe("a"), bus.subscribe():
        pass

    assert not bus._listeners
    assert not bus._all_topics


async def test_unsubscribing_keeps_other_listeners(bus: EventBus) -> None:
    async with bus.subscribe("a") as stays:
        async with bus.subscribe("a"):
            pass
        await bus.publish(["a"])

        assert await _next(stays) == {"a"}


async def test_thousand_listeners_share_one_connection(bus: EventBus, redis: Redis) -> None:
    async with asyncio.TaskGroup() as group:
        received = [group.create_task(_receive(bus, f"topic-{number % 10}")) for number in range(1000)]
        await eventually(lambda: sum(len(each) for each in bus._listeners.values()) == 1000)
        assert len(await redis.execute_command("CLIENT", "LIST", "TYPE", "pubsub")) > 0
        assert (await redis.pubsub_numsub("carrel:events"))[0][1] == 1
        await bus.publish(f"topic-{number}" for number in range(10))

    assert all(task.result() for task in received)


async def _receive(bus: EventBus, topic: str) -> frozenset[str]:
    async with bus.subscribe(topic) as listener:
        return await _next(listener, 10)


async def test_lost_connection_notifies_all_and_recovers(bus: EventBus, redis: Redis) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("b") as two, bus.subscribe() as all_topics:
        killed = await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert killed == 1

        assert await _next(one, 10) == {"a"}
        assert await _next(two, 10) == {"b"}
        await _next(all_topics, 10)
        await bus.publish(["a"])
        assert await _next(one) == {"a"}


async def test_bus_starts_disconnected_without_redis() -> None:
    client = open_redis("redis://127.0.0.1:1")
    bus = EventBus(client)

    await asyncio.wait_for(bus.start(), 5)

    assert not bus.is_connected
    await bus.stop()
    await close_redis(client)


async def test_bus_works_with_in_process_redis() -> None:
    client = open_redis(MEMORY_URL)
    bus = EventBus(client)
    await bus.start()
    async with bus.subscribe("a") as listener:
        await bus.publish(["a"])
        assert await _next(listener) == {"a"}
    await bus.stop()
    await close_redis(client)
