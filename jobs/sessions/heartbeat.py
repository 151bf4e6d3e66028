"""The worker's pulse: every few seconds it says whether its region's engine answers."""

import asyncio
import logging

from redis.asyncio import Redis

from core.engine import heartbeat
from core.engine.protocol import Engine
from jobs.context import Runtime

log = logging.getLogger(__name__)

ENGINE_SECONDS = 3.0


async def beat(runtime: Runtime, redis: Redis, every: float = heartbeat.BEAT_SECONDS) -> None:
    """Beat `every` so many seconds until cancelled; without Redis nobody hears it, and it goes on."""
    while True:
        try:
            await heartbeat.tell(redis, runtime.region, await state_of(runtime.engine))
        except Exception as error:  # noqa: BLE001 - whoever listens learns it from the silence
            log.debug("pulse: %s could not be told (%s)", runtime.region, error)
        await asyncio.sleep(every)


async def state_of(engine: Engine, within: float = ENGINE_SECONDS) -> str:
    """Return `up`, or `down` and why, `within` so many seconds."""
    try:
        async with asyncio.timeout(within):
            await engine.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is to be told
        return f"down: {type(error).__name__}"
    return heartbeat.UP
