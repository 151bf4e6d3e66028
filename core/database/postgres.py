"""A Tortoise engine for PostgreSQL with three changes to the stock one; `connection.config` selects it.

A transaction that could not begin returns its connection: the stock one keeps it, and a few cancelled jobs empty the
pool. A returned connection is not reset, which saves one statement each time. An update and the rows inserted with it
are one statement, because a transaction would need five round trips.
"""

from collections.abc import Sequence
from functools import lru_cache

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections

from core.database.sql import Insert, Statement


class LeakSafeTransaction(TransactionContextPooled):
    """A transaction that returns its connection to the pool also when BEGIN fails or is cancelled."""

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


class NoResetConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection without a reset query. Carrel uses no session state, so there is nothing to reset."""

    def get_reset_query(self) -> str:
        """Return no query; asyncpg rolls back a transaction that was left open in any case."""
        return ""


class PostgresConditionalWriter(AsyncpgDBClient):
    """Updates a row and inserts related rows with one statement."""

    async def update_and_insert(self, update: Statement, inserts: Sequence[Insert]) -> bool:
        """Insert the rows if the update matched a row, and return whether it did."""
        shapes = tuple((each.table, each.columns, each.types, len(each.rows)) for each in inserts)
        text = _update_and_insert_sql(update.text, len(update.values), shapes)
        values = [*update.values, *(value for each in inserts for value in each.values)]
        _, found = await self.execute_query(text, values)
        return bool(found[0]["updated"])


@lru_cache(1000)
def _update_and_insert_sql(
    update: str, used: int, shapes: tuple[tuple[str, tuple[str, ...], tuple[str, ...], int], ...]
) -> str:
    """Return one statement: an update, and inserts that select from its result. No row updated, no row inserted."""
    parts = [f"updated AS ({update} RETURNING 1)"]
    for number, (table, columns, types, count) in enumerate(shapes):
        placeholders = [
            ", ".join(f"${used + row * len(types) + at}::{type_name}" for at, type_name in enumerate(types, 1))
            for row in range(count)
        ]
        rows = ", ".join(f"({each})" for each in placeholders)
        used += count * len(types)
        select = f"SELECT added.* FROM updated, (VALUES {rows}) AS added ON CONFLICT DO NOTHING"  # noqa: S608
        names = ", ".join(f'"{column}"' for column in columns)
        parts.append(f'added_{number} AS (INSERT INTO "{table}" ({names}) {select})')
    return f"WITH {', '.join(parts)} SELECT count(*) AS updated FROM updated"  # noqa: S608


class PostgresTransaction(PostgresConditionalWriter, TransactionWrapper):
    """The stock transaction with `update_and_insert`."""


class PostgresClient(PostgresConditionalWriter):
    """The stock client with leak-safe transactions, connections without reset and `update_and_insert`."""

    connection_class = NoResetConnection

    def _in_transaction(self) -> TransactionContext:
        return LeakSafeTransaction(PostgresTransaction(self), self._pool_init_lock)


client_class = PostgresClient
