"""The periodic tasks (the sweep): re-enqueue stalled rows, expire and purge old ones, reconcile rows and containers.

Workers and the sweep function run them. Items are processed one by one: a failure is logged, does not block the
others, and the next sweep retries it.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from tortoise.expressions import Q

from core.clock import now
from core.database.connection import transaction
from core.engine.protocol import Container
from core.messaging import outbox
from core.settings import Settings
from jobs.context import RegionContext, session_id_of
from jobs.data.sweep import sweep_data
from jobs.sessions.stop import check
from models.data.uploads import Upload
from models.permissions.actor import SERVICE
from models.services.accounts import idempotency_keys as accounts_idempotency_keys
from models.services.accounts import users
from models.services.data import source_credentials, uploads
from models.services.sessions import images, session_completion, session_lifetime, session_queue, sessions
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import LIVE, Reason, Session, SessionState

if TYPE_CHECKING:
    from core.storage.object_store import Storage

log = logging.getLogger(__name__)

BATCH = 500
T = TypeVar("T")


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


async def sweep(region_context: RegionContext, tasks: Sequence[PeriodicTask] | None = None) -> None:
    """Run these tasks once for the region; all tasks by default."""
    region = await Region.get_or_none(name=region_context.region)
    if region is None:
        log.warning("sweep: there is no region %s", region_context.region)
        return
    await _each(PERIODIC_TASKS if tasks is None else tasks, lambda task: task.run(region_context, region))


async def _each(items: Iterable[T], run: Callable[[T], Awaitable[object]]) -> None:
    for item in items:
        try:
            await run(item)
        except Exception:
            log.exception("sweep: one item failed; the next sweep retries it")


async def _relay_outbox(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    await outbox.relay()


async def _expire_sessions(region_context: RegionContext, region: Region) -> None:
    due = Session.filter(region_id=region.id, state__in=list(LIVE), expires_at__lte=now())
    await _each(
        await due.exclude(state=SessionState.STOPPING).limit(BATCH),
        lambda session: check(region_context, session.id),
    )


async def _end_idle_sessions(region_context: RegionContext, region: Region) -> None:
    seconds = region_context.settings.session_idle_seconds
    idle = await session_lifetime.idle(region.id, seconds, BATCH)
    await _each(idle, lambda session: sessions.end_idle(session, seconds, actor=SERVICE))


async def _resume_stops(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    unclaimed = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    for session in await Session.filter(unclaimed, region_id=region.id, state=SessionState.STOPPING).limit(BATCH):
        async with transaction():
            sessions.enqueue_stop(session, region.name)


async def _resume_launches(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    unclaimed = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    async with transaction():
        for session in await Session.filter(unclaimed, region_id=region.id, state=SessionState.STARTING).limit(BATCH):
            session_queue.enqueue_launch(session, region.name)
        await session_queue.enqueue_startable(region)


async def _resume_imports(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    expired = Q(state=ImageState.IMPORTING, lease_until__lt=now())
    async with transaction():
        for image in await Image.filter(Q(state=ImageState.QUEUED) | expired).limit(BATCH):
            images.enqueue_import(image, region_context.region)


async def _fail_lost_images(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    """Fail sessions that wait for an image whose import failed or that was removed."""
    lost_states = [ImageState.FAILED, ImageState.REMOVED]
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state__in=lost_states)
    sentence = "Its image cannot be used any more; launch another one."
    await _each(
        await waiting.limit(BATCH), lambda session: session_completion.fail(session, Reason.IMAGE_GONE, sentence)
    )


async def reconcile(region_context: RegionContext) -> None:
    """End sessions whose container is gone, and remove containers whose session has ended."""
    # RUNNING rows are read before the containers, live rows after them. Otherwise a session that starts or ends in
    # between would be taken for lost.
    running = await Session.filter(region__name=region_context.region, state=SessionState.RUNNING).only("id")
    containers = {
        session_id_of(container.name): container
        for container in await region_context.engine.list(region_context.labels)
    }
    missing = [row.id for row in running if row.id not in containers or not _is_running(containers[row.id])]
    await _each(missing, lambda session_id: check(region_context, session_id))
    live = await Session.filter(id__in=[key for key in containers if key is not None], state__in=list(LIVE))
    live_ids = {session.id for session in live}
    orphans = [container for key, container in containers.items() if key not in live_ids]
    await _each(orphans, lambda container: region_context.engine.remove(container.name))


def _is_running(container: Container) -> bool:
    return container.state == "running"


async def _purge_uploads(region_context: RegionContext, region: Region) -> None:  # noqa: ARG001
    await _each(await uploads.overdue(), lambda upload: _discard(region_context.storage, upload))


async def _discard(storage: "Storage", upload: Upload) -> None:
    await storage.delete(upload.storage_key)
    await upload.delete()


PERIODIC_TASKS = (
    PeriodicTask("relay", Interval.MINUTE, _relay_outbox),
    PeriodicTask("expire", Interval.MINUTE, _expire_sessions),
    PeriodicTask("idle", Interval.MINUTE, _end_idle_sessions),
    PeriodicTask("stops", Interval.MINUTE, _resume_stops),
    PeriodicTask("launches", Interval.MINUTE, _resume_launches),
    PeriodicTask("imports", Interval.MINUTE, _resume_imports),
    PeriodicTask("lost_images", Interval.MINUTE, _fail_lost_images),
    PeriodicTask(
        "data_operations", Interval.MINUTE, lambda region_context, _: sweep_data(region_context.settings, _each)
    ),
    PeriodicTask("reconcile", Interval.MINUTE, lambda region_context, _: reconcile(region_context)),
    PeriodicTask("tokens", Interval.HOUR, lambda *_: users.purge_tokens()),
    PeriodicTask("idempotency_keys", Interval.HOUR, lambda *_: accounts_idempotency_keys.purge()),
    PeriodicTask("archive_tokens", Interval.HOUR, lambda *_: source_credentials.purge()),
    PeriodicTask("uploads", Interval.HOUR, _purge_uploads),
)
"""All periodic tasks. Workers run this table; a test compares the schedules of `serverless.yml` with it."""


def tasks_of(interval: Interval) -> tuple[PeriodicTask, ...]:
    """Return the tasks that run at this interval."""
    return tuple(task for task in PERIODIC_TASKS if task.interval is interval)
