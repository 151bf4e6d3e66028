"""Builds the rate limiter of GraphQL operations from the settings."""

from core.rate_limit.token_bucket import Bucket, Buckets, InMemoryBuckets, RedisBuckets, WriteBehindBuckets
from core.redis.client import MEMORY_URL
from resolvers.app_state import AppState
from schema.execution.rate_limiter import RateLimiter


def create_rate_limiter(app_state: AppState) -> RateLimiter | None:
    """Return the rate limiter for all operations, or None if the settings disable it."""
    settings = app_state.settings
    if not settings.requests_per_minute:
        return None
    buckets: Buckets
    # Without Redis the limits hold for this process alone.
    if settings.redis_url == MEMORY_URL:
        buckets = InMemoryBuckets()
    else:
        buckets = WriteBehindBuckets(RedisBuckets(app_state.redis))
    points, requests = Bucket.per_minute(settings.points_per_minute), Bucket.per_minute(settings.requests_per_minute)
    return RateLimiter(buckets, points, requests)
