"""A Tortoise engine for SQLite whose transactions take the write lock at their beginning.

The stock engine says plain BEGIN; upgrading its read snapshot to a write then fails at once with "database is
locked" whenever another process wrote meanwhile, whatever the busy timeout.
"""

import asyncio
import sqlite3

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that begins with BEGIN IMMEDIATE."""

    async def begin(self) -> None:
        """Take the write lock, waiting for at most the connection's busy timeout."""
        connection = self._connection
        if connection is None:
            raise TransactionManagementError("The database is not connected.")
        try:
            await connection.commit()
            await connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error
        except asyncio.CancelledError:
            await connection.rollback()  # The statement waits in the connection's thread and would begin unseen.
            raise


class ImmediateContext(SqliteTransactionContext):
    """A transaction that gives the connection back when it could not begin; the stock one keeps it for ever."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        begun: TransactionalDBClient = self.connection
        return begun


class ImmediateClient(SqliteClient):
    """The stock client with immediate transactions."""

    def _in_transaction(self) -> TransactionContext:
        return ImmediateContext(ImmediateTransaction(self), self._lock)


client_class = ImmediateClient
