"""The resident worker of one region: its queues, its sweep, its follower and its pulse, until it is cancelled."""

import asyncio
import logging

from redis.asyncio import Redis

from core.queue import Worker
from jobs.context import Runtime
from jobs.data.context import open_laboratory
from jobs.periodic import Cadence, chores_of, sweep
from jobs.sessions.engine_events import catch_up, follow
from jobs.sessions.heartbeat import beat
from jobs.worker_queues import RESIDENT

log = logging.getLogger(__name__)


async def run(runtime: Runtime, redis: Redis) -> None:
    """Work for ever; cancel to end. Jobs in hand are cancelled, and give their claims back for others to go on."""
    settings = runtime.settings
    async with open_laboratory(settings, runtime.storage) as laboratory, asyncio.TaskGroup() as group:
        context = {"runtime": runtime, "laboratory": laboratory}
        for queue in RESIDENT:
            worker = Worker(
                redis, queue.name(runtime.region), queue.specs(settings), context, parallel=queue.parallel(settings)
            )
            group.create_task(worker.run())
        for cadence in Cadence:
            group.create_task(_sweep_often(runtime, cadence))
        group.create_task(watch(runtime, redis))


async def watch(runtime: Runtime, redis: Redis) -> None:
    """Follow the region's engine and tell its pulse, and nothing else: what functions cannot do for themselves."""
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(runtime))
        group.create_task(catch_up(runtime))
        group.create_task(beat(runtime, redis))


async def _sweep_often(runtime: Runtime, cadence: Cadence) -> None:
    while True:
        try:
            await sweep(runtime, chores_of(cadence))
        except Exception:
            log.exception("the sweep of %s failed and is tried again", runtime.region)
        await asyncio.sleep(cadence.seconds(runtime.settings))
