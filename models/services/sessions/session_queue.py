"""The session queue of a region: first come, first served, up to the region's capacity.

Lock the region row (`lock_region`) before the session row whenever a slot is taken or freed or a session leaves the
queue. This prevents missed slots.
"""

from collections import Counter
from collections.abc import Collection

from core.database.connection import transaction
from core.messaging import outbox
from core.queue import Job, region_queue
from models.sessions.images import ImageState
from models.sessions.regions import Region
from models.sessions.sessions import OCCUPYING, Session, SessionState

MAX_ENQUEUED = 50


async def lock_region(region_id: int) -> Region:
    """Return the region, locked until the open transaction ends."""
    return await Region.filter(id=region_id).select_for_update().get()


async def free_slots(region: Region) -> int:
    """Return how many more sessions the region can run now."""
    return region.capacity - await Session.filter(region_id=region.id, state__in=list(OCCUPYING)).count()


async def queue_positions(session_ids: Collection[int]) -> dict[int, int]:
    """Return the position of each queued session in the queue of its region, from 1."""
    requested = Session.filter(id__in=list(session_ids), state=SessionState.QUEUED)
    regions = {region_id for (region_id,) in await requested.values_list("region_id")}
    if not regions:
        return {}
    queued = Session.filter(state=SessionState.QUEUED, region_id__in=sorted(regions), id__lte=max(session_ids))
    counts: Counter[int] = Counter()
    positions: dict[int, int] = {}
    for session_id, region_id in await queued.order_by("id").values_list("id", "region_id"):
        counts[region_id] += 1
        if session_id in session_ids:
            positions[session_id] = counts[region_id]
    return positions


async def list_queued(region_ids: Collection[int]) -> list[tuple[int, int]]:
    """Return the queued sessions of these regions as pairs of session id and creator id."""
    rows = Session.filter(state=SessionState.QUEUED, region_id__in=list(region_ids)).order_by("id")
    return [(session_id, creator_id) for session_id, creator_id in await rows.values_list("id", "creator_id")]


async def can_start(session: Session, region: Region) -> bool:
    """Return whether a slot is left for the session after the queued sessions before it."""
    startable = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state=ImageState.READY)
    return await startable.filter(id__lt=session.id).count() < await free_slots(region)


async def enqueue_startable(region: Region, *, after: int | None = None) -> None:
    """Enqueue the launches of the sessions that can start now, in the open transaction.

    `after` is the session that freed a slot. It makes the job keys unique. Otherwise a job with the same key that found
    the region full and is just ending would deduplicate the new one.
    """
    slots = min(await free_slots(region), MAX_ENQUEUED)
    if slots < 1:
        return
    startable = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state=ImageState.READY)
    for session in await startable.order_by("id").limit(slots):
        enqueue_launch(session, region.name, after=after)


async def release_slot(session: Session) -> None:
    """Enqueue the sessions that can start because this one left the queue or went back into it."""
    async with transaction():
        await enqueue_startable(await lock_region(session.region_id), after=session.id)


async def enqueue_waiting_for_image(image_id: int) -> None:
    """Enqueue the launches of the sessions that waited for an image, in the open transaction."""
    waiting = Session.filter(image_id=image_id, state=SessionState.QUEUED).order_by("id").limit(MAX_ENQUEUED)
    for session in await waiting.select_related("region"):
        enqueue_launch(session, session.region.name)


def enqueue_launch(session: Session, region: str, *, after: int | None = None) -> None:
    """Enqueue the start or continuation of a launch in the open transaction."""
    key = f"launch:{session.id}:{session.fence}" + ("" if after is None else f":{after}")
    outbox.enqueue(Job.SESSION_LAUNCH, session.id, queue=region_queue(region), key=key)
