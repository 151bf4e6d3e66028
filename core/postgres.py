"""A Tortoise engine for PostgreSQL whose transactions give their connection back when they could not begin.

The stock one keeps it for ever: a few jobs cancelled at that moment would leave the pool empty. And a connection that
comes back is not made as new by a statement of its own, which the stock pool sends after each of ours.
"""

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections


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


class ReturningClient(AsyncpgDBClient):
    """The stock client with such transactions and connections."""

    connection_class = PlainConnection

    def _in_transaction(self) -> TransactionContext:
        return ReturningContext(TransactionWrapper(self), self._pool_init_lock)


client_class = ReturningClient
