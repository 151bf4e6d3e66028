"""Token buckets, in Redis and in the process."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from core.rate_limit.token_bucket import Bucket, Buckets, Drawn, OwnBuckets, Pair, SharedBuckets, TabbedBuckets, Wants
from core.redis.client import close_redis, open_redis
from tests.waiting import eventually

SLOW = (Bucket(100, 0.001), Bucket(10, 0.001))


@pytest.fixture(params=["redis", "tab", "process"])
def buckets(request: pytest.FixtureRequest, redis: Redis) -> Buckets:
    shared = SharedBuckets(redis)
    return {"redis": shared, "tab": TabbedBuckets(shared), "process": OwnBuckets()}[request.param]


class Asked(SharedBuckets):
    """Buckets in Redis that count how often they were asked."""

    times = 0

    async def draw(self, name: str, pair: Pair, wants: Wants, owed: Wants = (0.0, 0.0)) -> Drawn | None:
        self.times += 1
        return await super().draw(name, pair, wants, owed)


async def test_a_draw_takes_from_both_buckets(buckets: Buckets) -> None:
    first = await buckets.draw("ada", SLOW, (30, 1))
    second = await buckets.draw("ada", SLOW, (30, 1))

    assert first
    assert second
    assert [round(level) for level in (*first.levels, *second.levels)] == [70, 9, 40, 8]


async def test_a_refused_draw_takes_from_neither(buckets: Buckets) -> None:
    await buckets.draw("ada", SLOW, (90, 1))

    refused = await buckets.draw("ada", SLOW, (20, 1))

    assert refused
    assert not refused.allowed
    assert [round(level) for level in refused.levels] == [10, 9]


async def test_each_name_has_its_own(buckets: Buckets) -> None:
    await buckets.draw("ada", SLOW, (100, 10))

    other = await buckets.draw("eve", SLOW, (100, 10))

    assert other
    assert other.allowed


async def test_a_bucket_fills_again_with_time(buckets: Buckets) -> None:
    pair = (Bucket(100, 500.0), Bucket(10, 500.0))
    await buckets.draw("ada", pair, (100, 10))

    async def drawn() -> bool:
        answer = await buckets.draw("ada", pair, (50, 1))
        return answer is not None and answer.allowed

    assert await eventually(drawn)


async def test_many_at_once_draw_no_more_than_there_is(buckets: Buckets) -> None:
    draws = await asyncio.gather(*(buckets.draw("ada", SLOW, (1, 1)) for _ in range(30)))

    assert sum(drawn.allowed for drawn in draws if drawn) == 10


async def test_a_full_bucket_is_forgotten(redis: Redis) -> None:
    await SharedBuckets(redis).draw("ada", (Bucket(100, 100.0), Bucket(10, 1.0)), (1, 1))

    assert 0 < await redis.ttl("carrel:rate:ada") <= 10


async def test_without_redis_nobody_is_limited_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    lost = open_redis("redis://127.0.0.1:1/0")
    buckets = SharedBuckets(lost)

    with caplog.at_level(logging.WARNING, "core.rate_limit.token_bucket"):
        answers = [await buckets.draw("ada", SLOW, (1, 1)) for _ in range(5)]

    assert answers == [None] * 5
    assert len(caplog.records) == 1
    await close_redis(lost)


MANY = (Bucket(1000, 0.001), Bucket(1000, 0.001))


async def test_a_busy_caller_with_plenty_left_is_settled_now_and_then(redis: Redis) -> None:
    shared = Asked(redis)
    tabbed = TabbedBuckets(shared, seconds=60)

    drawn = [await tabbed.draw("ada", MANY, (10, 1)) for _ in range(40)]

    assert shared.times == 1
    assert [round(each.levels[0]) for each in drawn if each and each.allowed] == list(range(990, 590, -10))


async def test_close_to_the_limit_each_draw_is_paid_at_once(redis: Redis) -> None:
    tabbed = TabbedBuckets(SharedBuckets(redis), seconds=60)

    drawn = [await tabbed.draw("ada", MANY, (30, 1)) for _ in range(40)]

    assert sum(each.allowed for each in drawn if each) == 33


async def test_what_two_processes_let_through_in_a_moment_is_owed(redis: Redis) -> None:
    one, two = (TabbedBuckets(SharedBuckets(redis), seconds=60) for _ in range(2))
    for each in (one, two):
        for _ in range(5):
            assert await each.draw("ada", MANY, (90, 1))

    for each in (one, two):
        await each.draw("ada", MANY, (90, 1))
    left = await SharedBuckets(redis).draw("ada", MANY, (0, 0))

    assert left
    assert round(left.levels[0]) == 1000 - 90 * sum((6, 5))


async def test_a_tab_is_settled_when_its_moment_is_over(redis: Redis) -> None:
    tabbed = TabbedBuckets(SharedBuckets(redis), seconds=0.01)
    for _ in range(3):
        await tabbed.draw("ada", MANY, (10, 1))

    async def settled() -> bool:
        await tabbed.draw("ada", MANY, (0, 0))
        left = await SharedBuckets(redis).draw("ada", MANY, (0, 0))
        return left is not None and round(left.levels[0]) == 970

    assert await eventually(settled)
