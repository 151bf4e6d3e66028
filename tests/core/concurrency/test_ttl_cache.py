"""Answers are remembered for a second, dropped at hints, and never older than what the asker may know."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.concurrency.ttl_cache import Found, Remembered
from core.messaging.event_bus import ANYTHING, EventBus
from tests.waiting import eventually


class Source:
    """Something that can be asked, and counts how often it was."""

    def __init__(self) -> None:
        self.value, self.asked = "a", 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self) -> Found[str]:
        """Read the value, then wait at the gate."""
        self.asked += 1
        value = self.value
        await self.gate.wait()
        return Found(value, ["user:1"])


@pytest.fixture
async def bus(redis: Redis) -> AsyncIterator[EventBus]:
    bus = EventBus(redis)
    await bus.start()
    yield bus
    await bus.stop()


async def test_an_answer_is_asked_for_once_a_second(redis: Redis) -> None:
    source, answers = Source(), Remembered[str, str](EventBus(redis), seconds=0.05)
    assert [await answers.ask("k", source.find) for _ in range(5)] == ["a"] * 5
    assert source.asked == 1

    source.value = "b"

    assert await eventually(lambda: answers.known("k") is None)
    assert await answers.ask("k", source.find) == "b"


async def test_many_who_ask_at_once_ask_once(redis: Redis) -> None:
    source, answers = Source(), Remembered[str, str](EventBus(redis))

    assert await asyncio.gather(*(answers.ask("k", source.find) for _ in range(20))) == ["a"] * 20
    assert source.asked == 1


@pytest.mark.parametrize("topic", ["user:1", ANYTHING])
async def test_a_hint_drops_what_rests_on_its_topic(redis: Redis, topic: str) -> None:
    bus, source = EventBus(redis), Source()
    answers = Remembered[str, str](bus, seconds=60)
    await answers.ask("k", source.find)

    bus.tell(["user:2"])
    assert answers.known("k") == "a"
    bus.tell([topic])
    assert answers.known("k") is None


async def test_what_is_published_was_heard_here_before_it_is_sent(bus: EventBus) -> None:
    source, answers = Source(), Remembered[str, str](bus, seconds=60)
    await answers.ask("k", source.find)

    publishing = asyncio.ensure_future(bus.publish(["user:1"]))
    await asyncio.sleep(0)

    assert answers.known("k") is None
    await publishing


async def test_a_hint_of_another_process_drops_it_too(bus: EventBus, redis: Redis) -> None:
    source, answers = Source(), Remembered[str, str](bus, seconds=60)
    await answers.ask("k", source.find)

    await EventBus(redis).publish(["user:1"])

    assert await eventually(lambda: answers.known("k") is None)


async def test_who_asks_after_a_hint_is_not_told_what_was_read_before_it(redis: Redis) -> None:
    bus, source = EventBus(redis), Source()
    answers = Remembered[str, str](bus, seconds=60)
    source.gate.clear()
    first = asyncio.ensure_future(answers.ask("k", source.find))
    assert await eventually(lambda: source.asked)

    source.value = "b"
    bus.tell(["user:1"])
    second = asyncio.ensure_future(answers.ask("k", source.find))
    source.gate.set()

    assert await asyncio.gather(first, second) == ["b", "b"]
    assert answers.known("k") == "b"


async def test_what_fails_is_not_remembered(redis: Redis) -> None:
    answers = Remembered[str, str](EventBus(redis))

    async def fail() -> Found[str]:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await answers.ask("k", fail)
    assert await answers.ask("k", Source().find) == "a"


async def test_no_more_is_kept_than_was_said(redis: Redis) -> None:
    answers = Remembered[int, str](EventBus(redis), kept=10)
    for number in range(100):
        await answers.ask(number, Source().find)

    assert sum(answers.known(number) is not None for number in range(100)) <= 10
    assert answers.known(99) == "a"


async def test_without_hints_an_answer_does_not_outlive_its_second(redis: Redis) -> None:
    source, answers = Source(), Remembered[str, str](EventBus(redis))
    began = time.monotonic()
    await answers.ask("k", source.find)

    await eventually(lambda: answers.known("k") is None, within=2)

    assert 0.9 < time.monotonic() - began < 1.5
