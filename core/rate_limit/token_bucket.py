"""Token buckets for rate limits, shared between processes through Redis; the API's rate limiter uses them.

A bucket that was not used for as long as it takes to fill is full, so its key expires. Limits are off while Redis is
down: a rate limit must not make the API unavailable.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

REDIS_SECONDS = 0.5
RETRY_SECONDS = 2.0
MAX_BUCKETS = 10_000
# Levels are texts with six digits, because Redis truncates the numbers that a script returns to integers.
CONSUME_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local stored = redis.call('HMGET', KEYS[1], 'at', '1', '2')
local elapsed = math.max(0, now - (tonumber(stored[1]) or now))
local levels, allowed, seconds = {}, 1, 1
for n = 1, 2 do
  local size, rate, amount = tonumber(ARGV[4 * n - 3]), tonumber(ARGV[4 * n - 2]), tonumber(ARGV[4 * n - 1])
  levels[n] = math.min(size, (tonumber(stored[n + 1]) or size) + elapsed * rate) - tonumber(ARGV[4 * n])
  if levels[n] < amount then allowed = 0 end
  seconds = math.max(seconds, size / rate)
end
for n = 1, 2 do
  if allowed == 1 then levels[n] = levels[n] - tonumber(ARGV[4 * n - 1]) end
  levels[n] = string.format('%.6f', levels[n])
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now), '1', levels[1], '2', levels[2])
redis.call('EXPIRE', KEYS[1], math.ceil(seconds))
return {allowed, levels[1], levels[2]}
"""


@dataclass(frozen=True)
class Bucket:
    """Holds `size` tokens at most and gains `per_second`."""

    size: int
    per_second: float

    @classmethod
    def per_minute(cls, tokens: int) -> "Bucket":
        """Return a bucket that holds the tokens of one minute."""
        return cls(tokens, tokens / 60)

    def seconds_until(self, level: float, amount: float) -> float:
        """Return how long a bucket at `level` needs to hold `amount` tokens."""
        return max(0.0, (amount - level) / self.per_second)


@dataclass(frozen=True)
class Consumption:
    """Whether tokens were taken from two buckets, and their levels after it; a refusal takes from neither."""

    allowed: bool
    levels: tuple[float, float]


BucketPair = tuple[Bucket, Bucket]
Amounts = tuple[float, float]
ZERO: Amounts = (0.0, 0.0)


class Buckets(Protocol):
    """Two buckets for each name, consumed together."""

    async def consume(self, name: str, pair: BucketPair, amounts: Amounts) -> Consumption | None:
        """Take `amounts` from the buckets of `name` if both hold enough; None when the store is down."""


class RedisBuckets:
    """Buckets in Redis."""

    def __init__(self, redis: Redis, prefix: str = "carrel:rate:") -> None:
        """Store the buckets in `redis` under keys with `prefix`."""
        self._script = redis.register_script(CONSUME_SCRIPT)
        self._prefix = prefix
        self._retry_at = 0.0

    async def consume(
        self, name: str, pair: BucketPair, amounts: Amounts, pending: Amounts = ZERO
    ) -> Consumption | None:
        """Take `amounts` from the buckets of `name` if both hold enough; None when Redis is down.

        `pending` was consumed earlier and is always deducted, even if the level becomes negative.
        """
        if time.monotonic() < self._retry_at:
            return None
        rows = zip(pair, amounts, pending, strict=True)
        arguments = [
            number for bucket, amount, owed in rows for number in (bucket.size, bucket.per_second, amount, owed)
        ]
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                result: Sequence[Any] = await self._script(keys=[self._prefix + name], args=arguments)
        except (RedisError, OSError) as error:
            self._mark_unavailable(error)
            return None
        if self._retry_at:
            self._retry_at = 0.0
            log.warning("rate limits are on again")
        return Consumption(result[0] == 1, (float(result[1]), float(result[2])))

    def _mark_unavailable(self, error: Exception) -> None:
        if not self._retry_at:
            log.warning("rate limits are off while Redis is down (%s)", str(error) or type(error).__name__)
        self._retry_at = time.monotonic() + RETRY_SECONDS


@dataclass
class LocalBalance:
    """One caller's levels as Redis last returned them, less the amounts that are still `pending`."""

    expires_at: float
    levels: tuple[float, float]
    pending: Amounts = ZERO


class WriteBehindBuckets:
    """Buckets in Redis that are updated a moment later for callers with more than half of their tokens left.

    For a busy caller Redis is asked once in `seconds` instead of at each call. Close to the limit every call is written
    at once. Amounts that several processes allow beyond the limit in that time are deducted afterwards.
    """

    def __init__(self, redis_buckets: RedisBuckets, *, seconds: float = 0.05) -> None:
        """Write to `redis_buckets`."""
        self._redis_buckets, self._seconds = redis_buckets, seconds
        self._balances: dict[str, LocalBalance] = {}

    async def consume(self, name: str, pair: BucketPair, amounts: Amounts) -> Consumption | None:
        """Take `amounts` from the buckets of `name` if both hold enough; None when Redis is down."""
        balance, at = self._balances.get(name), time.monotonic()
        if balance is None:
            balance = LocalBalance(0.0, ZERO)
        elif at < balance.expires_at:
            levels = _subtract(balance.levels, amounts)
            if all(level * 2 > bucket.size for level, bucket in zip(levels, pair, strict=True)):
                balance.levels, balance.pending = levels, _subtract(balance.pending, amounts, -1)
                return Consumption(allowed=True, levels=levels)
        # Reset before the await: concurrent calls must not deduct the pending amounts twice.
        pending, balance.pending = balance.pending, ZERO
        consumption = await self._redis_buckets.consume(name, pair, amounts, pending)
        if consumption is not None:
            self._store(name, at, consumption.levels)
        return consumption

    def _store(self, name: str, at: float, levels: tuple[float, float]) -> None:
        before = self._balances.get(name)
        pending = before.pending if before else ZERO
        if before is None and len(self._balances) >= MAX_BUCKETS:
            self._balances = {key: balance for key, balance in self._balances.items() if balance.expires_at > at}
        self._balances[name] = LocalBalance(at + self._seconds, _subtract(levels, pending), pending)


def _subtract(levels: tuple[float, float], amounts: Amounts, sign: int = 1) -> tuple[float, float]:
    return levels[0] - sign * amounts[0], levels[1] - sign * amounts[1]


@dataclass
class InMemoryBuckets:
    """Buckets of this process only, for an installation with Redis inside the process."""

    _buckets: dict[str, tuple[float, tuple[float, float]]] = field(default_factory=dict)

    async def consume(self, name: str, pair: BucketPair, amounts: Amounts) -> Consumption | None:
        """Take `amounts` from the buckets of `name` if both hold enough."""
        at = time.monotonic()
        before, stored = self._buckets.get(name, (at, (pair[0].size, pair[1].size)))
        levels = [min(b.size, level + (at - before) * b.per_second) for b, level in zip(pair, stored, strict=True)]
        allowed = all(level >= amount for level, amount in zip(levels, amounts, strict=True))
        first, second = (level - amount * allowed for level, amount in zip(levels, amounts, strict=True))
        if len(self._buckets) >= MAX_BUCKETS:
            self._remove_full(at, max(bucket.size / bucket.per_second for bucket in pair))
        self._buckets[name] = (at, (first, second))
        return Consumption(allowed, (first, second))

    def _remove_full(self, at: float, seconds: float) -> None:
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if at - bucket[0] < seconds}
