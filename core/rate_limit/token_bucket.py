"""Token buckets: how much a caller may still ask for, kept in Redis so that all processes share them.

A bucket that nobody drew from for as long as it takes to fill is full, and is forgotten. When Redis does not answer,
everybody may go on: a limit is no reason to be down.
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
AGAIN_SECONDS = 2.0
FORGET_AT = 10_000
# Levels are kept as texts with six digits, since numbers lose their fractions on the way.
DRAW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'at', '1', '2')
local since = math.max(0, now - (tonumber(kept[1]) or now))
local levels, enough, seconds = {}, 1, 1
for n = 1, 2 do
  local size, rate, want = tonumber(ARGV[4 * n - 3]), tonumber(ARGV[4 * n - 2]), tonumber(ARGV[4 * n - 1])
  levels[n] = math.min(size, (tonumber(kept[n + 1]) or size) + since * rate) - tonumber(ARGV[4 * n])
  if levels[n] < want then enough = 0 end
  seconds = math.max(seconds, size / rate)
end
for n = 1, 2 do
  if enough == 1 then levels[n] = levels[n] - tonumber(ARGV[4 * n - 1]) end
  levels[n] = string.format('%.6f', levels[n])
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now), '1', levels[1], '2', levels[2])
redis.call('EXPIRE', KEYS[1], math.ceil(seconds))
return {enough, levels[1], levels[2]}
"""


@dataclass(frozen=True)
class Bucket:
    """Holds `size` tokens at most and gains `per_second`."""

    size: int
    per_second: float

    @classmethod
    def per_minute(cls, tokens: int) -> "Bucket":
        """Return a bucket that holds a minute's worth."""
        return cls(tokens, tokens / 60)

    def seconds_until(self, level: float, want: float) -> float:
        """Return how long it takes until `want` tokens are there."""
        return max(0.0, (want - level) / self.per_second)


@dataclass(frozen=True)
class Drawn:
    """Whether a draw from two buckets succeeded, and what is left in them; a refused draw takes from neither."""

    allowed: bool
    levels: tuple[float, float]


Pair = tuple[Bucket, Bucket]
Wants = tuple[float, float]
NOTHING: Wants = (0.0, 0.0)


class Buckets(Protocol):
    """Two buckets for each name, drawn from together."""

    async def draw(self, name: str, pair: Pair, wants: Wants) -> Drawn | None:
        """Take `wants` from the buckets of `name` if both hold enough; None when that cannot be told now."""


class SharedBuckets:
    """Buckets in Redis."""

    def __init__(self, redis: Redis, prefix: str = "carrel:rate:") -> None:
        """Keep them in `redis`."""
        self._draw = redis.register_script(DRAW)
        self._prefix = prefix
        self._silent_until = 0.0

    async def draw(self, name: str, pair: Pair, wants: Wants, owed: Wants = NOTHING) -> Drawn | None:
        """Take `wants` from the buckets of `name` if both hold enough; None when Redis does not answer.

        What is `owed` for what was let through before is taken in any case, even if less is left than nothing.
        """
        if time.monotonic() < self._silent_until:
            return None
        each = zip(pair, wants, owed, strict=True)
        arguments = [number for bucket, want, debt in each for number in (bucket.size, bucket.per_second, want, debt)]
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                answer: Sequence[Any] = await self._draw(keys=[self._prefix + name], args=arguments)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._silent_until:
            self._silent_until = 0.0
            log.warning("rate limits hold again")
        return Drawn(answer[0] == 1, (float(answer[1]), float(answer[2])))

    def _lost(self, error: Exception) -> None:
        if not self._silent_until:
            log.warning("rate limits are off while Redis does not answer (%s)", str(error) or type(error).__name__)
        self._silent_until = time.monotonic() + AGAIN_SECONDS


@dataclass
class Tab:
    """What one caller has left as it was told a moment ago, and what it owes since."""

    until: float
    levels: tuple[float, float]
    owed: Wants = NOTHING


class TabbedBuckets:
    """Buckets in Redis for callers who may run a tab: whoever has more than half left pays a moment later.

    Redis is asked once in `seconds` for a busy caller instead of at each draw. Close to the limit every draw is paid
    at once. What several processes let through in that moment beyond the limit is taken from what comes after.
    """

    def __init__(self, shared: SharedBuckets, *, seconds: float = 0.05) -> None:
        """Settle with `shared`."""
        self._shared, self._seconds = shared, seconds
        self._tabs: dict[str, Tab] = {}

    async def draw(self, name: str, pair: Pair, wants: Wants) -> Drawn | None:
        """Take `wants` from the buckets of `name` if both hold enough; None when Redis does not answer."""
        tab, at = self._tabs.get(name), time.monotonic()
        if tab is None:
            tab = Tab(0.0, NOTHING)
        elif at < tab.until:
            levels = _less(tab.levels, wants)
            if all(level * 2 > bucket.size for level, bucket in zip(levels, pair, strict=True)):
                tab.levels, tab.owed = levels, _less(tab.owed, wants, -1)
                return Drawn(allowed=True, levels=levels)
        owed, tab.owed = tab.owed, NOTHING
        drawn = await self._shared.draw(name, pair, wants, owed)
        if drawn is not None:
            self._remember(name, at, drawn.levels)
        return drawn

    def _remember(self, name: str, at: float, levels: tuple[float, float]) -> None:
        before = self._tabs.get(name)
        owed = before.owed if before else NOTHING
        if before is None and len(self._tabs) >= FORGET_AT:
            self._tabs = {each: tab for each, tab in self._tabs.items() if tab.until > at}
        self._tabs[name] = Tab(at + self._seconds, _less(levels, owed), owed)


def _less(levels: tuple[float, float], wants: Wants, sign: int = 1) -> tuple[float, float]:
    return levels[0] - sign * wants[0], levels[1] - sign * wants[1]


@dataclass
class OwnBuckets:
    """Buckets of this process alone, for the Redis that is inside it."""

    _kept: dict[str, tuple[float, tuple[float, float]]] = field(default_factory=dict)

    async def draw(self, name: str, pair: Pair, wants: Wants) -> Drawn | None:
        """Take `wants` from the buckets of `name` if both hold enough."""
        at = time.monotonic()
        before, kept = self._kept.get(name, (at, (pair[0].size, pair[1].size)))
        levels = [min(b.size, level + (at - before) * b.per_second) for b, level in zip(pair, kept, strict=True)]
        allowed = all(level >= want for level, want in zip(levels, wants, strict=True))
        first, second = (level - want * allowed for level, want in zip(levels, wants, strict=True))
        if len(self._kept) >= FORGET_AT:
            self._forget(at, max(bucket.size / bucket.per_second for bucket in pair))
        self._kept[name] = (at, (first, second))
        return Drawn(allowed, (first, second))

    def _forget(self, at: float, seconds: float) -> None:
        self._kept = {name: kept for name, kept in self._kept.items() if at - kept[0] < seconds}
