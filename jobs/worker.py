"""The worker of one region: runs its queues, periodic tasks, event watcher and heartbeat until cancelled."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from core.queue import Worker
from core.settings import Settings
from core.storage.object_store import Storage
from jobs.context import DataContext, RegionContext
from jobs.data.process_pool import ProcessPool
from jobs.periodic import Interval, sweep, tasks_of
from jobs.queues import WORKER_QUEUES
from jobs.sessions.engine_events import catch_up, follow
from jobs.sessions.heartbeat import send_heartbeats
from models.services.data.sources.registry import open_cache, open_sources

log = logging.getLogger(__name__)


async def run(region_context: RegionContext, redis: Redis) -> None:
    """Run until cancelled. Running jobs are then cancelled and release their claims, so that others can continue."""
    settings = region_context.settings
    async with open_data_context(settings, region_context.storage) as data_context, asyncio.TaskGroup() as group:
        context = {"region_context": region_context, "data_context": data_context}
        for queue in WORKER_QUEUES:
            worker = Worker(
                redis,
                queue.name(region_context.region),
                queue.specs(settings),
                context,
                parallel=queue.parallel(settings),
            )
            group.create_task(worker.run())
        for interval in Interval:
            group.create_task(_sweep_periodically(region_context, interval))
        group.create_task(watch(region_context, redis))


@asynccontextmanager
async def open_data_context(settings: Settings, storage: Storage) -> AsyncIterator[DataContext]:
    """Reconcile the file cache and open the process pool; end its processes on exit."""
    await asyncio.to_thread(open_cache(settings).reconcile)
    pool = ProcessPool(settings.data_processes, settings.data_memory_mib)
    try:
        yield DataContext(settings, storage, open_sources(settings, storage), pool)
    finally:
        await pool.close()


async def watch(region_context: RegionContext, redis: Redis) -> None:
    """Follow the region's engine and send heartbeats only; functions run the jobs."""
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(region_context))
        group.create_task(catch_up(region_context))
        group.create_task(send_heartbeats(region_context, redis))


async def _sweep_periodically(region_context: RegionContext, interval: Interval) -> None:
    while True:
        try:
            await sweep(region_context, tasks_of(interval))
        except Exception:
            log.exception("sweep: the tasks of %s failed; trying again", region_context.region)
        await asyncio.sleep(interval.seconds(region_context.settings))
