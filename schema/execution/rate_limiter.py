"""Rate limits of GraphQL operations: each consumes one request and its cost in points from its caller's buckets."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from core.errors import RateLimited
from core.rate_limit.token_bucket import Bucket, Buckets

POINTS = "points"
IPV6_PREFIX_LENGTH = 64
"""Bits of an IPv6 address that are counted as one caller: one customer controls all addresses below them."""


@dataclass(frozen=True)
class RateLimitStatus:
    """The remaining budget of a caller."""

    points: Bucket
    requests: Bucket
    levels: tuple[float, float]

    def to_dict(self) -> Mapping[str, Any]:
        """Return the value of `extensions.cost.throttle`; `restoreRate` is per second."""
        points, requests = (
            {"limit": bucket.size, "remaining": int(level), "restoreRate": round(bucket.per_second, 3)}
            for bucket, level in zip((self.points, self.requests), self.levels, strict=True)
        )
        return {**points, "requests": requests}


@dataclass(frozen=True)
class RateLimiter:
    """Charges each operation to the token buckets of its caller."""

    buckets: Buckets
    points: Bucket
    requests: Bucket

    async def charge(self, caller: str, cost: int) -> RateLimitStatus | None:
        """Charge one operation. Raise RateLimited if the buckets are too low; return None if they are unavailable."""
        # An operation above the size of the bucket could never run; charge it a full bucket instead.
        amounts = (float(min(cost, self.points.size)), 1.0)
        consumption = await self.buckets.consume(caller, (self.points, self.requests), amounts)
        if consumption is None:
            return None
        if not consumption.allowed:
            raise self._refusal(consumption.levels, amounts)
        return RateLimitStatus(self.points, self.requests, consumption.levels)

    def _refusal(self, levels: tuple[float, float], amounts: tuple[float, float]) -> RateLimited:
        seconds = max(
            self.points.seconds_until(levels[0], amounts[0]), self.requests.seconds_until(levels[1], amounts[1])
        )
        resource = "points" if levels[0] < amounts[0] else "requests"
        size = self.points.size if resource == POINTS else self.requests.size
        return RateLimited(
            f"You have used your limit of {size} {resource} a minute. Wait {max(1, round(seconds))} s, "
            "or send smaller operations: extensions.cost has the cost of each.",
            retry_after=round(max(seconds, 0.1), 1),
        )


def caller_key(user_id: int | None, host: str | None) -> str:
    """Return the key of a caller's buckets: the user, otherwise the IPv4 address or the IPv6 network."""
    if user_id is not None:
        return f"user:{user_id}"
    try:
        address = ip_address(host or "")
    except ValueError:
        return f"address:{host}"
    if address.version == 6:
        return f"address:{ip_network((address, IPV6_PREFIX_LENGTH), strict=False).network_address}"
    return f"address:{address}"
