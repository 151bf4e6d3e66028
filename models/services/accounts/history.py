"""Write the history; each entry is part of the transaction that it tells of."""

from typing import Any

from core.database import connection
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.permissions.actor import Actor

NOTE = "history"


async def record(
    resource: Resource,
    object_id: int,
    action: str,
    actor: Actor,
    *,
    from_state: str | None = None,
    to_state: str | None = None,
    cause: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Append what happened to one object."""
    entry = HistoryEntry(
        resource=resource,
        object_id=object_id,
        action=action,
        from_state=from_state,
        to_state=to_state,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        cause=cause[:500],
        detail=detail or {},
    )
    await _noted(entry).save()


def moved(resource: Resource, object_id: int, actor: Actor, left: str, to: str, cause: str) -> HistoryEntry:
    """Return the move of one object from state to state, to be kept together with it."""
    entry = HistoryEntry(
        resource=resource, object_id=object_id, action="move", from_state=left, to_state=to, cause=cause[:500]
    )
    entry.actor_kind, entry.actor_id = actor.kind, actor.user_id
    return _noted(entry)


def _noted(entry: HistoryEntry) -> HistoryEntry:
    if connection.is_open():
        connection.current().notes.setdefault(NOTE, []).append((entry.resource, entry.object_id))
    return entry


def told(resource: Resource) -> int | None:
    """Return the first object of this sort that the open transaction told something of."""
    notes: list[tuple[Resource, int]] = connection.current().notes.get(NOTE, [])
    return next((object_id for sort, object_id in notes if sort is resource), None)
