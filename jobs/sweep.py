"""The sweep: rows that should move are asked for again, and rows and containers are compared both ways.

One bad item never blocks the others: each is tried alone, and what failed is logged and met again by the next sweep.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from tortoise.expressions import Q

from core import outbox
from core.clock import now
from core.database import transaction
from core.engine.protocol import Container
from core.storage import Storage
from jobs.data_sweep import sweep_data
from jobs.runtime import Runtime, session_id_of
from jobs.stopping import session_check
from models.images import Image, ImageState
from models.regions import Region
from models.services import accounts, credentials, endings, idempotency, images, line, sessions, uploads
from models.sessions import LIVE, Reason, Session, SessionState
from models.uploads import Upload

log = logging.getLogger(__name__)

BATCH = 500
T = TypeVar("T")


async def sweep(runtime: Runtime) -> None:
    """Do all of it once, for the runtime's region."""
    region = await Region.get_or_none(name=runtime.region)
    if region is None:
        log.warning("sweep: there is no region %s", runtime.region)
        return
    steps: list[Callable[[], Awaitable[None]]] = [
        _relay,
        lambda: _expire(runtime, region),
        lambda: _resume_stops(region),
        lambda: _resume_launches(region),
        lambda: _resume_imports(runtime),
        lambda: _give_up(region),
        lambda: reconcile(runtime),
        lambda: sweep_data(runtime.settings, _each),
        lambda: _purge(runtime.storage),
    ]
    await _each(steps, lambda step: step())


async def _each(items: Iterable[T], act: Callable[[T], Awaitable[object]]) -> None:
    for item in items:
        try:
            await act(item)
        except Exception:
            log.exception("sweep: one item failed and is tried again by the next sweep")


async def _relay() -> None:
    await outbox.relay()


async def _expire(runtime: Runtime, region: Region) -> None:
    late = Session.filter(region_id=region.id, state__in=list(LIVE), expires_at__lte=now())
    await _each(
        await late.exclude(state=SessionState.STOPPING).limit(BATCH),
        lambda session: session_check({"runtime": runtime}, session.id),
    )


async def _resume_stops(region: Region) -> None:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    for session in await Session.filter(free, region_id=region.id, state=SessionState.STOPPING).limit(BATCH):
        async with transaction():
            sessions.enqueue_stop(session, region.name)


async def _resume_launches(region: Region) -> None:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    async with transaction():
        for session in await Session.filter(free, region_id=region.id, state=SessionState.STARTING).limit(BATCH):
            line.enqueue_launch(session, region.name)
        await line.call_next(region)


async def _resume_imports(runtime: Runtime) -> None:
    over = Q(state=ImageState.IMPORTING, lease_until__lt=now())
    async with transaction():
        for image in await Image.filter(Q(state=ImageState.QUEUED) | over).limit(BATCH):
            images.enqueue_import(image, runtime.region)


async def _give_up(region: Region) -> None:
    """End sessions that wait for an image which will not come."""
    lost = [ImageState.FAILED, ImageState.REMOVED]
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state__in=lost)
    sentence = "Its image cannot be used any more; launch another one."
    await _each(await waiting.limit(BATCH), lambda session: endings.fail(session, Reason.IMAGE_GONE, sentence))


async def reconcile(runtime: Runtime) -> None:
    """End sessions whose container is gone, and containers whose session has ended.

    The rows of the running are read before the containers, those of the live after them: so nobody who starts or
    ends meanwhile is taken for lost.
    """
    running = await Session.filter(region__name=runtime.region, state=SessionState.RUNNING).only("id")
    containers = {session_id_of(held.name): held for held in await runtime.engine.list(runtime.labels)}
    missing = [row.id for row in running if row.id not in containers or not _alive(containers[row.id])]
    await _each(missing, lambda session_id: session_check({"runtime": runtime}, session_id))
    live = await Session.filter(id__in=[key for key in containers if key is not None], state__in=list(LIVE))
    kept = {session.id for session in live}
    orphans = [held for key, held in containers.items() if key not in kept]
    await _each(orphans, lambda held: runtime.engine.remove(held.name))


def _alive(container: Container) -> bool:
    return container.state == "running"


async def _purge(storage: Storage) -> None:
    await accounts.purge_tokens()
    await idempotency.purge()
    await credentials.purge()
    await _each(await uploads.overdue(), lambda upload: _discard(storage, upload))


async def _discard(storage: Storage, upload: Upload) -> None:
    await storage.delete(upload.storage_key)
    await upload.delete()
