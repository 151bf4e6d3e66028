"""The periodic tasks (the sweep) of all domains, with their intervals; workers and the sweep function run them."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.messaging import outbox
from core.settings import Settings
from jobs.batch import for_each
from jobs.context import RegionContext
from jobs.data.sweep import purge_uploads, sweep_data
from jobs.sessions import sweep as sessions
from models.services.accounts import idempotency_keys, tokens
from models.services.data import source_credentials
from models.sessions.regions import Region

log = logging.getLogger(__name__)


class Interval(StrEnum):
    """How often a task runs, in the syntax of function schedules; for a worker, MINUTE means `sweep_seconds`."""

    MINUTE = "rate(1 minute)"
    HOUR = "rate(1 hour)"

    def seconds(self, settings: Settings) -> float:
        """Return the time between two runs in a worker."""
        return settings.sweep_seconds if self is Interval.MINUTE else 3600.0


@dataclass(frozen=True)
class PeriodicTask:
    """One task of the sweep."""

    name: str
    interval: Interval
    run: Callable[[RegionContext, Region], Awaitable[object]]


PERIODIC_TASKS = (
    PeriodicTask("relay", Interval.MINUTE, lambda *_: outbox.relay()),
    PeriodicTask("expire", Interval.MINUTE, sessions.expire),
    PeriodicTask("idle", Interval.MINUTE, sessions.end_idle),
    PeriodicTask("stops", Interval.MINUTE, lambda _, region: sessions.resume_stops(region)),
    PeriodicTask("launches", Interval.MINUTE, lambda _, region: sessions.resume_launches(region)),
    PeriodicTask("imports", Interval.MINUTE, lambda _, region: sessions.resume_imports(region)),
    PeriodicTask("lost_images", Interval.MINUTE, lambda _, region: sessions.fail_lost_images(region)),
    PeriodicTask("data_operations", Interval.MINUTE, lambda region_context, _: sweep_data(region_context.settings)),
    PeriodicTask("reconcile", Interval.MINUTE, lambda region_context, _: sessions.reconcile(region_context)),
    PeriodicTask("tokens", Interval.HOUR, lambda *_: tokens.purge()),
    PeriodicTask("idempotency_keys", Interval.HOUR, lambda *_: idempotency_keys.purge()),
    PeriodicTask("archive_tokens", Interval.HOUR, lambda *_: source_credentials.purge()),
    PeriodicTask("uploads", Interval.HOUR, lambda region_context, _: purge_uploads(region_context.storage)),
)
"""All periodic tasks. Workers run this table; a test compares the schedules of `serverless.yml` with it."""


def tasks_of(interval: Interval) -> tuple[PeriodicTask, ...]:
    """Return the tasks that run at this interval."""
    return tuple(task for task in PERIODIC_TASKS if task.interval is interval)


async def sweep(region_context: RegionContext, tasks: Sequence[PeriodicTask] = PERIODIC_TASKS) -> None:
    """Run these tasks once for the region; a task that fails does not block the others."""
    region = await Region.get_or_none(name=region_context.region)
    if region is None:
        log.warning("sweep: there is no region %s", region_context.region)
        return
    await for_each(tasks, lambda task: task.run(region_context, region))
