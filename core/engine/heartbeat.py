"""Heartbeats of container engines: each region's worker publishes the engine's state, and the health page reads it."""

from collections.abc import Sequence

from redis.asyncio import Redis

HEARTBEAT_SECONDS = 5.0
HEARTBEAT_TTL_SECONDS = 16
"""Three heartbeats: after that the worker counts as gone, and the state is unknown."""
UP = "up"
UNKNOWN = "unknown: no worker reports"


async def publish(redis: Redis, region: str, state: str) -> None:
    """Publish the state of the region's engine; it expires after HEARTBEAT_TTL_SECONDS."""
    await redis.set(_key(region), state, ex=HEARTBEAT_TTL_SECONDS)


async def read_heartbeats(redis: Redis, regions: Sequence[str]) -> dict[str, str]:
    """Return the last published state of each region's engine."""
    if not regions:
        return {}
    states = await redis.mget([_key(region) for region in regions])
    return {region: state.decode() if state else UNKNOWN for region, state in zip(regions, states, strict=True)}


def _key(region: str) -> str:
    return f"carrel:engine:{region}"
