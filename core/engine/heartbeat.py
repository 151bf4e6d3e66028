"""The pulse of container engines: what each region's worker last found, for whoever reports health."""

from collections.abc import Sequence

from redis.asyncio import Redis

BEAT_SECONDS = 5.0
LIVES_SECONDS = 16
"""Three beats: a worker that misses them all is gone, and then nobody knows."""
UP = "up"
UNKNOWN = "unknown: no worker reports"


async def tell(redis: Redis, region: str, state: str) -> None:
    """Say how the region's engine is; it holds until a few beats later."""
    await redis.set(_key(region), state, ex=LIVES_SECONDS)


async def heard(redis: Redis, regions: Sequence[str]) -> dict[str, str]:
    """Return how each region's engine is, as its worker said last."""
    if not regions:
        return {}
    told = await redis.mget([_key(region) for region in regions])
    return {region: state.decode() if state else UNKNOWN for region, state in zip(regions, told, strict=True)}


def _key(region: str) -> str:
    return f"carrel:engine:{region}"
