"""A change of one row with what tells of it: its history and its news hold together, or none of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.models import Model

from core.database import connection, sql
from core.database.connection import transaction
from core.messaging import outbox
from core.messaging.outbox import OutboxMessage


async def change(
    model: type[Model],
    match: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    entries: Sequence[Model] = (),
    news: Sequence[OutboxMessage] = (),
) -> bool:
    """Change the row if it still matches, and say whether it did; with it `entries` are kept and `news` are sent.

    Alone it is a transaction of its own, of one statement; within an open one it becomes part of that.
    """
    if connection.is_open() or connection.is_joined():
        async with transaction():
            moved = await sql.swap(model, match, changes, also=entries)
            outbox.collect(news if moved else ())
            return moved
    letters = outbox.leased(outbox.distinct(news))
    moved = await sql.swap(model, match, changes, also=[*entries, *letters])
    await outbox.deliver(letters if moved else [])
    return moved
