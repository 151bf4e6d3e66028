"""Publishes a heartbeat every few seconds that says whether the engine of the worker's region answers."""

import asyncio
import logging

from redis.asyncio import Redis

from core.engine import heartbeat
from core.engine.protocol import Engine
from jobs.context import RegionContext

log = logging.getLogger(__name__)

PING_SECONDS = 3.0


async def send_heartbeats(
    region_context: RegionContext, redis: Redis, interval: float = heartbeat.HEARTBEAT_SECONDS
) -> None:
    """Publish the engine's state every `interval` seconds until cancelled; continue when Redis fails."""
    while True:
        try:
            await heartbeat.publish(redis, region_context.region, await engine_state(region_context.engine))
        except Exception as error:  # noqa: BLE001 - readers treat a missing heartbeat as a failure
            log.debug("heartbeat: the state of %s could not be published (%s)", region_context.region, error)
        await asyncio.sleep(interval)


async def engine_state(engine: Engine, seconds: float = PING_SECONDS) -> str:
    """Return `up`, or `down` and the error, within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await engine.ping()
    except Exception as error:  # noqa: BLE001 - any error means that the engine is down
        return f"down: {type(error).__name__}"
    return heartbeat.UP
