"""Token buckets, in Redis and in memory."""

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from core.rate_limit.token_bucket import (
    Amounts,
    Bucket,
    BucketPair,
    Buckets,
    Consumption,
    InMemoryBuckets,
    RedisBuckets,
    WriteBehindBuckets,
)
from core.redis.client import close_redis, open_redis
from tests.waiting import eventually

SLOW = (Bucket(100, 0.001), Bucket(10, 0.001))


@pytest.fixture(params=["redis", "write_behind", "memory"])
def buckets(request: pytest.FixtureRequest, redis: Redis) -> Buckets:
    shared = RedisBuckets(redis)
    return {"redis": shared, "write_behind": WriteBehindBuckets(shared), "memory": InMemoryBuckets()}[request.param]


class CountingBuckets(RedisBuckets):
    """Buckets in Redis that count the calls."""

    times = 0

    async def consume(
        self, name: str, pair: BucketPair, amounts: Amounts, pending: Amounts = (0.0, 0.0)
    ) -> Consumption | None:
        self.times += 1
        return await super().consume(name, pair, amounts, pending)


async def test_consume_takes_from_both_buckets(buckets: Buckets) -> None:
    first = await buckets.consume("ada", SLOW, (30, 1))
    second = await buckets.consume("ada", SLOW, (30, 1))

    assert first
    assert second
    assert [round(level) for level in (*first.levels, *second.levels)] == [70, 9, 40, 8]


async def test_refused_consume_takes_from_neither(buckets: Buckets) -> None:
    await buckets.consume("ada", SLOW, (90, 1))

    refused = await buckets.consume("ada", SLOW, (20, 1))

    assert refused
    assert not refused.allowed
    assert [round(level) for level in refused.levels] == [10, 9]


async def test_each_name_has_its_own_buckets(buckets: Buckets) -> None:
    await buckets.consume("ada", SLOW, (100, 10))

    other = await buckets.consume("eve", SLOW, (100, 10))

    assert other
    assert other.allowed


async def test_bucket_refills_over_time(buckets: Buckets) -> None:
    pair = (Bucket(100, 500.0), Bucket(10, 500.0))
    await buckets.consume("ada", pair, (100, 10))

    async def is_consumed() -> bool:
        answer = await buckets.consume("ada", pair, (50, 1))
        return answer is not None and answer.allowed

    assert await eventually(is_consumed)


async def test_concurrent_consumption_never_exceeds_the_level(buckets: Buckets) -> None:
    draws = await asyncio.gather(*(buckets.consume("ada", SLOW, (1, 1)) for _ in range(30)))

    assert sum(consumption.allowed for consumption in draws if consumption) == 10


async def test_full_bucket_expires(redis: Redis) -> None:
    await RedisBuckets(redis).consume("ada", (Bucket(100, 100.0), Bucket(10, 1.0)), (1, 1))

    assert 0 < await redis.ttl("carrel:rate:ada") <= 10


async def test_without_redis_limits_are_off_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lost = open_redis("redis://127.0.0.1:1/0")
    buckets = RedisBuckets(lost)

    with caplog.at_level(logging.WARNING, "core.rate_limit.token_bucket"):
        results = [await buckets.consume("ada", SLOW, (1, 1)) for _ in range(5)]

    assert results == [None] * 5
    assert len(caplog.records) == 1
    await close_redis(lost)


MANY = (Bucket(1000, 0.001), Bucket(1000, 0.001))


async def test_caller_far_from_limit_is_written_later(redis: Redis) -> None:
    shared = CountingBuckets(redis)
    write_behind = WriteBehindBuckets(shared, seconds=60)

    consumptions = [await write_behind.consume("ada", MANY, (10, 1)) for _ in range(40)]

    assert shared.times == 1
    assert [round(each.levels[0]) for each in consumptions if each and each.allowed] == list(range(990, 590, -10))


async def test_caller_near_limit_is_written_at_once(redis: Redis) -> None:
    write_behind = WriteBehindBuckets(RedisBuckets(redis), seconds=60)

    consumptions = [await write_behind.consume("ada", MANY, (30, 1)) for _ in range(40)]

    assert sum(each.allowed for each in consumptions if each) == 33


async def test_overrun_of_two_processes_is_deducted(redis: Redis) -> None:
    one, two = (WriteBehindBuckets(RedisBuckets(redis), seconds=60) for _ in range(2))
    for each in (one, two):
        for _ in range(5):
            assert await each.consume("ada", MANY, (90, 1))

    for each in (one, two):
        await each.consume("ada", MANY, (90, 1))
    left = await RedisBuckets(redis).consume("ada", MANY, (0, 0))

    assert left
    assert round(left.levels[0]) == 1000 - 90 * sum((6, 5))


async def test_local_balance_is_written_when_it_expires(redis: Redis) -> None:
    write_behind = WriteBehindBuckets(RedisBuckets(redis), seconds=0.01)
    for _ in range(3):
        await write_behind.consume("ada", MANY, (10, 1))

    async def is_written() -> bool:
        await write_behind.consume("ada", MANY, (0, 0))
        left = await RedisBuckets(redis).consume("ada", MANY, (0, 0))
        return left is not None and round(left.levels[0]) == 970

    assert await eventually(is_written)
