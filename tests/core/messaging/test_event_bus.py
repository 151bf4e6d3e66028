"""Events: hints to all who listen, one for many, and one to everybody after a lost connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.messaging.event_bus import EventBus, Hints
from core.redis.client import MEMORY, close_redis, open_redis
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


async def _next(hints: Hints, within: float = 3) -> frozenset[str]:
    return await asyncio.wait_for(hints.wait(), within)


async def _quiet(hints: Hints) -> bool:
    """Say whether nothing came, after something that was sent later has come through the same channel."""
    try:
        await asyncio.wait_for(hints.wait(), 0.05)
    except TimeoutError:
        return True
    return False


async def test_a_hint_reaches_every_listener_of_its_topic_in_every_process(bus: EventBus, other: EventBus) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("a", "b") as two, other.subscribe("a") as far:
        await other.publish(["a"])

        assert [await _next(each) for each in (one, two, far)] == [{"a"}] * 3


async def test_a_hint_of_another_topic_is_not_heard(bus: EventBus) -> None:
    async with bus.subscribe("a") as hears, bus.subscribe("b") as deaf:
        await bus.publish(["a"])
        await _next(hears)

        assert await _quiet(deaf)


async def test_a_listener_to_everything_hears_everything(bus: EventBus) -> None:
    async with bus.subscribe() as hints:
        await bus.publish(["a", "b"])

        assert await _next(hints) == {"a", "b"}


async def test_many_hints_to_a_busy_listener_are_one(bus: EventBus) -> None:
    async with bus.subscribe("a", "b") as busy, bus.subscribe("end") as end:
        for _ in range(50):
            await bus.publish(["a"])
        await bus.publish(["b", "end"])
        await _next(end)

        assert await _next(busy) == {"a", "b"}
        assert await _quiet(busy)


async def test_publishing_nothing_is_nothing(bus: EventBus) -> None:
    async with bus.subscribe() as hints:
        await bus.publish([])

        assert await _quiet(hints)


async def test_who_left_is_forgotten(bus: EventBus) -> None:
    async with bus.subscribe("a"), bus.subscribe():
        pass

    assert not bus._listeners
    assert not bus._everything


async def test_one_who_leaves_does_not_take_the_others_along(bus: EventBus) -> None:
    async with bus.subscribe("a") as stays:
        async with bus.subscribe("a"):
            pass
        await bus.publish(["a"])

        assert await _next(stays) == {"a"}


async def test_a_thousand_listeners_share_one_connection(bus: EventBus, redis: Redis) -> None:
    async with asyncio.TaskGroup() as group:
        heard = [group.create_task(_hear(bus, f"topic-{number % 10}")) for number in range(1000)]
        await eventually(lambda: sum(len(each) for each in bus._listeners.values()) == 1000)
        assert len(await redis.execute_command("CLIENT", "LIST", "TYPE", "pubsub")) > 0
        assert (await redis.pubsub_numsub("carrel:events"))[0][1] == 1
        await bus.publish(f"topic-{number}" for number in range(10))

    assert all(task.result() for task in heard)


async def _hear(bus: EventBus, topic: str) -> frozenset[str]:
    async with bus.subscribe(topic) as hints:
        return await _next(hints, 10)


async def test_after_a_lost_connection_everybody_gets_a_hint_and_hints_come_again(bus: EventBus, redis: Redis) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("b") as two, bus.subscribe() as everything:
        killed = await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert killed == 1

        assert await _next(one, 10) == {"a"}
        assert await _next(two, 10) == {"b"}
        await _next(everything, 10)
        await bus.publish(["a"])
        assert await _next(one) == {"a"}


async def test_a_bus_without_redis_starts_and_says_that_it_hears_nothing() -> None:
    client = open_redis("redis://127.0.0.1:1")
    bus = EventBus(client)

    await asyncio.wait_for(bus.start(), 5)

    assert not bus.connected
    await bus.stop()
    await close_redis(client)


async def test_the_bus_works_over_a_redis_within_the_process() -> None:
    client = open_redis(MEMORY)
    bus = EventBus(client)
    await bus.start()
    async with bus.subscribe("a") as hints:
        await bus.publish(["a"])
        assert await _next(hints) == {"a"}
    await bus.stop()
    await close_redis(client)
