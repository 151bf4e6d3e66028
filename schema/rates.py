"""The rate limits of this installation, over its Redis."""

from core.rate_limit.token_bucket import Bucket, Buckets, OwnBuckets, SharedBuckets, TabbedBuckets
from core.redis.client import MEMORY
from resolvers.app_state import House
from schema.execution.rate_limiter import Gate


def gate_of(house: House) -> Gate | None:
    """Return the gate that every operation passes; None when the operator wants none."""
    settings = house.settings
    if not settings.requests_per_minute:
        return None
    buckets: Buckets = OwnBuckets() if settings.redis_url == MEMORY else TabbedBuckets(SharedBuckets(house.redis))
    return Gate(buckets, Bucket.per_minute(settings.points_per_minute), Bucket.per_minute(settings.requests_per_minute))
