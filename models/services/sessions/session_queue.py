"""The waiting line of a region: first come, first served, as far as there are places.

The region's row is its turnstile. Who takes a place, frees one or leaves the line locks it before the session's own
row; so nobody overlooks a place that another is just freeing.
"""

from collections import Counter
from collections.abc import Collection

from core.database.connection import transaction
from core.messaging import outbox
from core.queue import Job, region_queue
from models.sessions.images import ImageState
from models.sessions.regions import Region
from models.sessions.sessions import OCCUPYING, Session, SessionState

LONGEST_CALL = 50


async def turnstile(region_id: int) -> Region:
    """Return the region, locked until the open transaction ends."""
    return await Region.filter(id=region_id).select_for_update().get()


async def free_places(region: Region) -> int:
    """Return how many more sessions the region takes now."""
    return region.capacity - await Session.filter(region_id=region.id, state__in=list(OCCUPYING)).count()


async def queue_positions(session_ids: Collection[int]) -> dict[int, int]:
    """Return for each waiting session how many wait before it in its region, plus one."""
    asked = Session.filter(id__in=list(session_ids), state=SessionState.QUEUED)
    regions = {region_id for (region_id,) in await asked.values_list("region_id")}
    if not regions:
        return {}
    before = Session.filter(state=SessionState.QUEUED, region_id__in=sorted(regions), id__lte=max(session_ids))
    seen: Counter[int] = Counter()
    positions: dict[int, int] = {}
    for session_id, region_id in await before.order_by("id").values_list("id", "region_id"):
        seen[region_id] += 1
        if session_id in session_ids:
            positions[session_id] = seen[region_id]
    return positions


async def waiting(region_ids: Collection[int]) -> list[tuple[int, int]]:
    """Return who waits in these regions' lines: each session with its creator."""
    rows = Session.filter(state=SessionState.QUEUED, region_id__in=list(region_ids)).order_by("id")
    return [(session_id, creator_id) for session_id, creator_id in await rows.values_list("id", "creator_id")]


async def has_turn(session: Session, region: Region) -> bool:
    """Say whether a place is left for the waiting session once those before it have theirs."""
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state=ImageState.READY)
    return await waiting.filter(id__lt=session.id).count() < await free_places(region)


async def call_next(region: Region, *, after: int | None = None) -> None:
    """Ask within the open transaction for the launch of those who have their turn now.

    `after` is the session that made room. It makes the jobs' keys new: a job of the same session that has just found
    the region full, and has not ended yet, would swallow one with its own key.
    """
    places = min(await free_places(region), LONGEST_CALL)
    if places < 1:
        return
    waiting = Session.filter(region_id=region.id, state=SessionState.QUEUED, image__state=ImageState.READY)
    for session in await waiting.order_by("id").limit(places):
        enqueue_launch(session, region.name, after=after)


async def make_way(session: Session) -> None:
    """Ask for the launch of those whom a session that left the line or went back into it has held up."""
    async with transaction():
        await call_next(await turnstile(session.region_id), after=session.id)


async def call_those_waiting_for(image_id: int) -> None:
    """Ask within the open transaction for the launch of the sessions that waited for an image."""
    waiting = Session.filter(image_id=image_id, state=SessionState.QUEUED).order_by("id").limit(LONGEST_CALL)
    for session in await waiting.select_related("region"):
        enqueue_launch(session, session.region.name)


def enqueue_launch(session: Session, region: str, *, after: int | None = None) -> None:
    """Ask within the open transaction for the launch to begin or to go on."""
    key = f"launch:{session.id}:{session.fence}" + ("" if after is None else f":{after}")
    outbox.enqueue(Job.SESSION_LAUNCH, session.id, queue=region_queue(region), key=key)
