"""Writes history entries, in the same transaction as the change that they record."""

from typing import Any

from core.database import connection
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.permissions.principal import Actor

CONTEXT_KEY = "history"


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
    """Append an entry about one object."""
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
    await _add_to_context(entry).save()


def transition_entry(
    resource: Resource, object_id: int, actor: Actor, from_state: str, to_state: str, cause: str
) -> HistoryEntry:
    """Return the entry of a state transition, to be inserted with the change of the object."""
    entry = HistoryEntry(
        resource=resource,
        object_id=object_id,
        action="move",
        from_state=from_state,
        to_state=to_state,
        cause=cause[:500],
    )
    entry.actor_kind, entry.actor_id = actor.kind, actor.user_id
    return _add_to_context(entry)


def _add_to_context(entry: HistoryEntry) -> HistoryEntry:
    if connection.is_in_transaction():
        connection.current_transaction().context.setdefault(CONTEXT_KEY, []).append((entry.resource, entry.object_id))
    return entry


def first_recorded(resource: Resource) -> int | None:
    """Return the id of the first object of this kind that has an entry in the open transaction."""
    notes: list[tuple[Resource, int]] = connection.current_transaction().context.get(CONTEXT_KEY, [])
    return next((object_id for kind, object_id in notes if kind is resource), None)
