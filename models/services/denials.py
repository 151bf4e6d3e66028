"""Write refusals into the history: once a minute for the same person, action and object, so that nobody floods it."""

import logging
from datetime import timedelta

from tortoise.exceptions import BaseORMException

from core import database
from core.clock import now
from models.access import Resource
from models.actors import Actor
from models.history import HistoryEntry
from models.policies.actions import Action

log = logging.getLogger(__name__)
MINUTE = timedelta(minutes=1)


async def record(actor: Actor, action: Action, resource: Resource, object_id: int, reason: str) -> None:
    """Record that somebody was refused, with the reason; after the open transaction if there is one.

    A history that cannot be written changes nothing about the refusal.
    """

    async def write() -> None:
        try:
            await _write(actor, action, resource, object_id, reason)
        except BaseORMException:
            log.exception("a refusal could not be recorded")

    if database.is_open():
        database.after_end(write)
    else:
        await write()


async def _write(actor: Actor, action: Action, resource: Resource, object_id: int, reason: str) -> None:
    at = now()
    name = f"{actor.kind}:{actor.user_id}:{action}:{resource}:{object_id}"
    keys = [f"{name}:{int(time.timestamp()) // 60}" for time in (at, at - MINUTE)]
    if await HistoryEntry.filter(once__in=keys, at__gt=at - MINUTE).exists():
        return
    entry = HistoryEntry(
        resource=resource,
        object_id=object_id,
        action=f"{action}_refused",
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        cause=reason[:500],
        once=keys[0],
        at=at,
    )
    await HistoryEntry.bulk_create([entry], ignore_conflicts=True)
