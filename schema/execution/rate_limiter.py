"""Rate limits: every operation draws one request and its cost in points from the buckets of its caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from core.errors import RateLimited
from core.rate_limit.token_bucket import Bucket, Buckets

POINTS = "points"
V6_NETWORK = 64
"""The part of an IPv6 address that belongs to one household; it has the rest to itself."""


@dataclass(frozen=True)
class Throttle:
    """What a caller has left."""

    points: Bucket
    requests: Bucket
    levels: tuple[float, float]

    def shown(self) -> Mapping[str, Any]:
        """Return it as `extensions.cost.throttle` tells it: points, and requests below them; rates are per second."""
        points, requests = (
            {"limit": bucket.size, "remaining": int(level), "restoreRate": round(bucket.per_second, 3)}
            for bucket, level in zip((self.points, self.requests), self.levels, strict=True)
        )
        return {**points, "requests": requests}


@dataclass(frozen=True)
class Gate:
    """Lets operations through as long as their caller's buckets last."""

    buckets: Buckets
    points: Bucket
    requests: Bucket

    async def charge(self, caller: str, cost: int) -> Throttle | None:
        """Draw for one operation; RateLimited when the buckets are too low, None when there is no telling."""
        wants = (float(min(cost, self.points.size)), 1.0)
        drawn = await self.buckets.draw(caller, (self.points, self.requests), wants)
        if drawn is None:
            return None
        if not drawn.allowed:
            raise self._refusal(drawn.levels, wants)
        return Throttle(self.points, self.requests, drawn.levels)

    def _refusal(self, levels: tuple[float, float], wants: tuple[float, float]) -> RateLimited:
        seconds = max(self.points.seconds_until(levels[0], wants[0]), self.requests.seconds_until(levels[1], wants[1]))
        what = "points" if levels[0] < wants[0] else "requests"
        size = self.points.size if what == POINTS else self.requests.size
        return RateLimited(
            f"You used up your {size} {what} a minute; go on in {max(1, round(seconds))} s, "
            "or ask for less at once: extensions.cost says what an operation costs.",
            retry_after=round(max(seconds, 0.1), 1),
        )


def caller_key(user_id: int | None, host: str | None) -> str:
    """Return the name of a caller's buckets: the user, else the address, of IPv6 its network."""
    if user_id is not None:
        return f"user:{user_id}"
    try:
        address = ip_address(host or "")
    except ValueError:
        return f"address:{host}"
    if address.version == 6:
        return f"address:{ip_network((address, V6_NETWORK), strict=False).network_address}"
    return f"address:{address}"
