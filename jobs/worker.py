"""The resident worker of one region: its queues, its sweep, its follower and its pulse, until it is cancelled."""

import asyncio
import logging
from collections.abc import Mapping

from redis.asyncio import Redis

from core.queue import Job, Spec, Worker, data_queue, import_queue, region_queue
from jobs.dataoperations import dataoperation_run, result_remove
from jobs.follower import follow
from jobs.importing import image_import
from jobs.laboratory import open_laboratory
from jobs.launching import session_launch
from jobs.pulse import beat
from jobs.runtime import Runtime
from jobs.stopping import session_check, session_stop
from jobs.sweep import sweep

log = logging.getLogger(__name__)
RECORD_SECONDS = 60.0
"""What a data operation may take beside its own time, to record how it ended."""


def short_jobs(runtime: Runtime) -> Mapping[Job, Spec]:
    """Return the jobs of a region's own queue."""
    seconds = runtime.settings.job_seconds
    return {
        Job.SESSION_LAUNCH: Spec(session_launch, seconds),
        Job.SESSION_STOP: Spec(session_stop, seconds),
        Job.SESSION_CHECK: Spec(session_check, seconds),
    }


def long_jobs(runtime: Runtime) -> Mapping[Job, Spec]:
    """Return the jobs that take minutes; they have a queue of their own, so that they delay nobody."""
    return {Job.IMAGE_IMPORT: Spec(image_import, runtime.settings.import_seconds)}


def data_jobs(runtime: Runtime) -> Mapping[Job, Spec]:
    """Return the jobs that compute; they have a queue of their own, which all regions share."""
    seconds = runtime.settings.data_seconds + RECORD_SECONDS
    return {
        Job.DATAOPERATION_RUN: Spec(dataoperation_run, seconds),
        Job.RESULT_REMOVE: Spec(result_remove, seconds),
    }


async def run(runtime: Runtime, redis: Redis) -> None:
    """Work for ever; cancel to end. Jobs in hand are cancelled, and give their claims back for others to go on."""
    settings = runtime.settings
    async with open_laboratory(settings, runtime.storage) as laboratory, asyncio.TaskGroup() as group:
        context = {"runtime": runtime, "laboratory": laboratory}
        workers = [
            Worker(redis, region_queue(runtime.region), short_jobs(runtime), context),
            Worker(redis, import_queue(runtime.region), long_jobs(runtime), context, parallel=2),
            Worker(redis, data_queue(), data_jobs(runtime), context, parallel=settings.data_processes + 1),
        ]
        for worker in workers:
            group.create_task(worker.run())
        group.create_task(_sweep_often(runtime))
        group.create_task(follow(runtime))
        group.create_task(beat(runtime, redis))


async def _sweep_often(runtime: Runtime) -> None:
    while True:
        try:
            await sweep(runtime)
        except Exception:
            log.exception("the sweep of %s failed and is tried again", runtime.region)
        await asyncio.sleep(runtime.settings.sweep_seconds)
