"""The sweep: rows that should move are asked for again, and rows and containers are compared both ways.

One bad item never blocks the others: each is tried alone, and what failed is logged and met again by the next sweep.
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
from jobs.context import Runtime, session_id_of
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


class Cadence(StrEnum):
    """How often something is looked at, as functions are scheduled; a worker's minute is its `sweep_seconds`."""

    MINUTE = "rate(1 minute)"
    HOUR = "rate(1 hour)"

    def seconds(self, settings: Settings) -> float:
        """Return the time between two looks of a worker."""
        return settings.sweep_seconds if self is Cadence.MINUTE else 3600.0


@dataclass(frozen=True)
class Chore:
    """One thing that the sweep looks after."""

    name: str
    cadence: Cadence
    act: Callable[[Runtime, Region], Awaitable[object]]


async def sweep(runtime: Runtime, chores: Sequence[Chore] | None = None) -> None:
    """Do all of it once, or these chores, for the runtime's region."""
    region = await Region.get_or_none(name=runtime.region)
    if region is None:
        log.warning("sweep: there is no region %s", runtime.region)
        return
    await _each(CHORES if chores is None else chores, lambda chore: chore.act(runtime, region))


async def _each(items: Iterable[T], act: Callable[[T], Awaitable[object]]) -> None:
    for item in items:
        try:
            await act(item)
        except Exception:
            log.exception("sweep: one item failed and is tried again by the next sweep")


async def _relay(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    await outbox.relay()


async def _expire(runtime: Runtime, region: Region) -> None:
    late = Session.filter(region_id=region.id, state__in=list(LIVE), expires_at__lte=now())
    await _each(
        await late.exclude(state=SessionState.STOPPING).limit(BATCH),
        lambda session: check(runtime, session.id),
    )


async def _end_idle(runtime: Runtime, region: Region) -> None:
    seconds = runtime.settings.session_idle_seconds
    idle = await session_lifetime.idle(region.id, seconds, BATCH)
    await _each(idle, lambda session: sessions.end_idle(session, seconds, actor=SERVICE))


async def _resume_stops(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    for session in await Session.filter(free, region_id=region.id, state=SessionState.STOPPING).limit(BATCH):
        async with transaction():
            sessions.enqueue_stop(session, region.name)


async def _resume_launches(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    async with transaction():
        for session in await Session.filter(free, region_id=region.id, state=SessionState.STARTING).limit(BATCH):
            session_queue.enqueue_launch(session, region.name)
        await session_queue.call_next(region)


async def _resume_imports(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    over = Q(state=ImageState.IMPORTING, lease_until__lt=now())
    async with transaction():
        for image in await Image.filter(Q(state=ImageState.QUEUED) | over).limit(BATCH):
            images.enqueue_import(image, runtime.region)


async def _give_up(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    """End sessions that wait for an image which will not come."""
    lost = [ImageState.FAILED, ImageState.REMOVED]
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state__in=lost)
    sentence = "Its image cannot be used any more; launch another one."
    await _each(
        await waiting.limit(BATCH), lambda session: session_completion.fail(session, Reason.IMAGE_GONE, sentence)
    )


async def reconcile(runtime: Runtime) -> None:
    """End sessions whose container is gone, and containers whose session has ended.

    The rows of the running are read before the containers, those of the live after them: so nobody who starts or
    ends meanwhile is taken for lost.
    """
    running = await Session.filter(region__name=runtime.region, state=SessionState.RUNNING).only("id")
    containers = {session_id_of(held.name): held for held in await runtime.engine.list(runtime.labels)}
    missing = [row.id for row in running if row.id not in containers or not _alive(containers[row.id])]
    await _each(missing, lambda session_id: check(runtime, session_id))
    live = await Session.filter(id__in=[key for key in containers if key is not None], state__in=list(LIVE))
    kept = {session.id for session in live}
    orphans = [held for key, held in containers.items() if key not in kept]
    await _each(orphans, lambda held: runtime.engine.remove(held.name))


def _alive(container: Container) -> bool:
    return container.state == "running"


async def _purge_uploads(runtime: Runtime, region: Region) -> None:  # noqa: ARG001
    await _each(await uploads.overdue(), lambda upload: _discard(runtime.storage, upload))


async def _discard(storage: "Storage", upload: Upload) -> None:
    await storage.delete(upload.storage_key)
    await upload.delete()


CHORES = (
    Chore("relay", Cadence.MINUTE, _relay),
    Chore("expire", Cadence.MINUTE, _expire),
    Chore("idle", Cadence.MINUTE, _end_idle),
    Chore("stops", Cadence.MINUTE, _resume_stops),
    Chore("launches", Cadence.MINUTE, _resume_launches),
    Chore("imports", Cadence.MINUTE, _resume_imports),
    Chore("lost_images", Cadence.MINUTE, _give_up),
    Chore("data_operations", Cadence.MINUTE, lambda runtime, _: sweep_data(runtime.settings, _each)),
    Chore("reconcile", Cadence.MINUTE, lambda runtime, _: reconcile(runtime)),
    Chore("tokens", Cadence.HOUR, lambda *_: users.purge_tokens()),
    Chore("idempotency_keys", Cadence.HOUR, lambda *_: accounts_idempotency_keys.purge()),
    Chore("archive_tokens", Cadence.HOUR, lambda *_: source_credentials.purge()),
    Chore("uploads", Cadence.HOUR, _purge_uploads),
)
"""Every clean-up there is; workers go by this table, and a test holds the schedules of `serverless.yml` against it."""


def chores_of(cadence: Cadence) -> tuple[Chore, ...]:
    """Return what is looked after at this cadence."""
    return tuple(chore for chore in CHORES if chore.cadence is cadence)
