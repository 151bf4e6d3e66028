"""Updates a row and inserts its history entry and outbox messages atomically; every state transition uses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.models import Model

from core.database import connection, sql
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage


async def update_with_outbox(
    model: type[Model],
    match: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    history: Sequence[Model] = (),
    messages: Sequence[OutboxMessage] = (),
) -> bool:
    """Update the row if it still matches and return whether it did; `history` and `messages` go with the update.

    Outside a transaction it is one statement, and the messages are sent before it returns. Inside an open transaction
    it becomes part of that.
    """
    if connection.is_in_transaction() or connection.has_commit_hook():
        async with transaction():
            updated = await sql.compare_and_set(model, match, changes, inserts=history)
            outbox.collect(messages if updated else ())
            return updated
    leased = outbox.with_lease(outbox.deduplicated(messages))
    updated = await sql.compare_and_set(model, match, changes, inserts=[*history, *leased])
    await outbox.deliver(leased if updated else [])
    return updated
