"""The periodic clean-up of sessions: re-enqueue stalled rows, end overdue sessions, reconcile rows and containers."""

from tortoise.expressions import Q

from core.clock import now
from core.database.connection import transaction
from core.engine.protocol import ContainerState
from jobs.batch import BATCH, for_each
from jobs.context import RegionContext, session_id_of
from jobs.sessions.stop import check
from models.permissions.principal import SERVICE
from models.services.sessions import images, session_lifetime, session_queue, session_runs, sessions
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import LIVE, Reason, Session, SessionState


async def expire(region_context: RegionContext, region: Region) -> None:
    """End the sessions that have expired."""
    due = Session.filter(region_id=region.id, state__in=list(LIVE), expires_at__lte=now())
    await for_each(
        await due.exclude(state=SessionState.STOPPING).limit(BATCH),
        lambda session: check(region_context, session.id),
    )


async def end_idle(region_context: RegionContext, region: Region) -> None:
    """End the sessions that were unused for too long."""
    seconds = region_context.settings.session_idle_seconds
    idle = await session_lifetime.list_idle(region.id, seconds, BATCH)
    await for_each(idle, lambda session: sessions.end_idle(session, seconds, actor=SERVICE))


async def resume_stops(region: Region) -> None:
    """Enqueue the stops that no worker has claimed."""
    unclaimed = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    for session in await Session.filter(unclaimed, region_id=region.id, state=SessionState.STOPPING).limit(BATCH):
        async with transaction():
            sessions.enqueue_stop(session, region.name)


async def resume_launches(region: Region) -> None:
    """Enqueue the launches that no worker has claimed, and those for which the region has capacity."""
    unclaimed = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    async with transaction():
        for session in await Session.filter(unclaimed, region_id=region.id, state=SessionState.STARTING).limit(BATCH):
            session_queue.enqueue_launch(session, region.name)
        await session_queue.enqueue_startable(region)


async def resume_imports(region: Region) -> None:
    """Enqueue the imports that no worker has claimed, to this region."""
    expired = Q(state=ImageState.IMPORTING, lease_until__lt=now())
    async with transaction():
        for image in await Image.filter(Q(state=ImageState.QUEUED) | expired).limit(BATCH):
            images.enqueue_import(image, region.name)


async def fail_lost_images(region: Region) -> None:
    """Fail sessions that wait for an image whose import failed or that was removed."""
    lost_states = [ImageState.FAILED, ImageState.REMOVED]
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state__in=lost_states)
    sentence = "Its image cannot be used any more; launch another one."
    await for_each(await waiting.limit(BATCH), lambda session: session_runs.fail(session, Reason.IMAGE_GONE, sentence))


async def reconcile(region_context: RegionContext) -> None:
    """End sessions whose container is gone, and remove containers whose session has ended."""
    # RUNNING rows are read before the containers, live rows after them. Otherwise a session that starts or ends in
    # between would be taken for lost.
    running = await Session.filter(region__name=region_context.region, state=SessionState.RUNNING).only("id")
    containers = {
        session_id_of(container.name): container
        for container in await region_context.engine.list(region_context.labels)
    }
    alive = {key for key, container in containers.items() if container.state is ContainerState.RUNNING}
    missing = [row.id for row in running if row.id not in alive]
    await for_each(missing, lambda session_id: check(region_context, session_id))
    live = await Session.filter(id__in=[key for key in containers if key is not None], state__in=list(LIVE))
    live_ids = {session.id for session in live}
    orphans = [container for key, container in containers.items() if key not in live_ids]
    await for_each(orphans, lambda container: region_context.engine.remove(container.name))
