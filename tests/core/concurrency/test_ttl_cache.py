"""Values are cached for one TTL, invalidated by events, and never older than a change that the caller knows of."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.concurrency.ttl_cache import CacheEntry, SingleFlightCache
from core.messaging.event_bus import RESYNC, EventBus
from tests.waiting import eventually


class Source:
    """A value that can be loaded, and a count of the loads."""

    def __init__(self) -> None:
        self.value, self.asked = "a", 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self) -> CacheEntry[str]:
        """Read the value, then wait for the gate."""
        self.asked += 1
        value = self.value
        await self.gate.wait()
        return CacheEntry(value, ["user:1"])


@pytest.fixture
async def bus(redis: Redis) -> AsyncIterator[EventBus]:
    bus = EventBus(redis)
    await bus.start()
    yield bus
    await bus.stop()


async def test_value_is_loaded_once_per_ttl(redis: Redis) -> None:
    source, cache = Source(), SingleFlightCache[str, str](EventBus(redis), ttl_seconds=0.05)
    assert [await cache.get_or_load("k", source.find) for _ in range(5)] == ["a"] * 5
    assert source.asked == 1

    source.value = "b"

    assert await eventually(lambda: cache.peek("k") is None)
    assert await cache.get_or_load("k", source.find) == "b"


async def test_concurrent_callers_share_one_load(redis: Redis) -> None:
    source, cache = Source(), SingleFlightCache[str, str](EventBus(redis))

    assert await asyncio.gather(*(cache.get_or_load("k", source.find) for _ in range(20))) == ["a"] * 20
    assert source.asked == 1


@pytest.mark.parametrize("topic", ["user:1", RESYNC])
async def test_event_invalidates_entries_of_its_topic(redis: Redis, topic: str) -> None:
    bus, source = EventBus(redis), Source()
    cache = SingleFlightCache[str, str](bus, ttl_seconds=60)
    await cache.get_or_load("k", source.find)

    bus.run_callbacks(["user:2"])
    assert cache.peek("k") == "a"
    bus.run_callbacks([topic])
    assert cache.peek("k") is None


async def test_publish_invalidates_locally_before_it_sends(bus: EventBus) -> None:
    source, cache = Source(), SingleFlightCache[str, str](bus, ttl_seconds=60)
    await cache.get_or_load("k", source.find)

    publishing = asyncio.ensure_future(bus.publish(["user:1"]))
    await asyncio.sleep(0)

    assert cache.peek("k") is None
    await publishing


async def test_event_of_another_process_invalidates(bus: EventBus, redis: Redis) -> None:
    source, cache = Source(), SingleFlightCache[str, str](bus, ttl_seconds=60)
    await cache.get_or_load("k", source.find)

    await EventBus(redis).publish(["user:1"])

    assert await eventually(lambda: cache.peek("k") is None)


async def test_caller_after_an_event_gets_a_newer_value(redis: Redis) -> None:
    bus, source = EventBus(redis), Source()
    cache = SingleFlightCache[str, str](bus, ttl_seconds=60)
    source.gate.clear()
    first = asyncio.ensure_future(cache.get_or_load("k", source.find))
    assert await eventually(lambda: source.asked)

    source.value = "b"
    bus.run_callbacks(["user:1"])
    second = asyncio.ensure_future(cache.get_or_load("k", source.find))
    source.gate.set()

    assert await asyncio.gather(first, second) == ["b", "b"]
    assert cache.peek("k") == "b"


async def test_failed_load_is_not_cached(redis: Redis) -> None:
    cache = SingleFlightCache[str, str](EventBus(redis))

    async def fail() -> CacheEntry[str]:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await cache.get_or_load("k", fail)
    assert await cache.get_or_load("k", Source().find) == "a"


async def test_size_never_exceeds_max_entries(redis: Redis) -> None:
    cache = SingleFlightCache[int, str](EventBus(redis), max_entries=10)
    for number in range(100):
        await cache.get_or_load(number, Source().find)

    assert sum(cache.peek(number) is not None for number in range(100)) <= 10
    assert cache.peek(99) == "a"


async def test_entry_expires_without_events(redis: Redis) -> None:
    source, cache = Source(), SingleFlightCache[str, str](EventBus(redis))
    began = time.monotonic()
    await cache.get_or_load("k", source.find)

    await eventually(lambda: cache.peek("k") is None, within=2)

    assert 0.9 < time.monotonic() - began < 1.5
