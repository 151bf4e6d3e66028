"""A Tortoise engine for PostgreSQL whose transactions give their connection back when they could not begin.

The stock one keeps it for ever: a few jobs cancelled at that moment would leave the pool empty. And a connection that
comes back is not made as new by a statement of its own, which the stock pool sends after each of ours.

A change and the rows that tell of it are one statement: a transaction of its own would be five conversations.
"""

from collections.abc import Sequence
from functools import lru_cache

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections

from core.database.statements import Addition, Statement


class ReturningContext(TransactionContextPooled):
    """A transaction that returns its connection, whatever happens."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool
        self.client._connection = await pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await pool.release(self.client._connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client


class PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection of which we use statements and transactions alone: there is nothing else to reset."""

    def get_reset_query(self) -> str:
        """Return nothing; a transaction that was left open is rolled back all the same."""
        return ""


class GuardedWriting(AsyncpgDBClient):
    """Makes a change and what tells of it by one statement."""

    async def guarded(self, update: Statement, additions: Sequence[Addition]) -> bool:
        """Insert the additions if the update found its row, and say whether it did."""
        shapes = tuple((each.table, each.columns, each.types, len(each.rows)) for each in additions)
        text = _guarded(update.text, len(update.values), shapes)
        values = [*update.values, *(value for each in additions for value in each.values)]
        _, found = await self.execute_query(text, values)
        return bool(found[0]["moved"])


@lru_cache(1000)
def _guarded(update: str, used: int, shapes: tuple[tuple[str, tuple[str, ...], tuple[str, ...], int], ...]) -> str:
    """Return one statement of an update and inserts that select from what it found: no row, nothing inserted."""
    parts = [f"moved AS ({update} RETURNING 1)"]
    for number, (table, columns, types, count) in enumerate(shapes):
        marks = [
            ", ".join(f"${used + row * len(types) + at}::{kind}" for at, kind in enumerate(types, 1))
            for row in range(count)
        ]
        rows = ", ".join(f"({each})" for each in marks)
        used += count * len(types)
        said = f"SELECT added.* FROM moved, (VALUES {rows}) AS added ON CONFLICT DO NOTHING"  # noqa: S608
        parts.append(f'added_{number} AS (INSERT INTO "{table}" ({", ".join(columns)}) {said})')
    return f"WITH {', '.join(parts)} SELECT count(*) AS moved FROM moved"  # noqa: S608


class GuardedTransaction(GuardedWriting, TransactionWrapper):
    """The stock transaction, in which such a statement is one among others."""


class ReturningClient(GuardedWriting):
    """The stock client with such transactions, connections and statements."""

    connection_class = PlainConnection

    def _in_transaction(self) -> TransactionContext:
        return ReturningContext(GuardedTransaction(self), self._pool_init_lock)


client_class = ReturningClient
