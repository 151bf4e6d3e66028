"""A Tortoise engine for SQLite with immediate transactions and fast time columns; `connection.config` selects it.

The stock engine uses plain BEGIN. Upgrading its read snapshot to a write fails at once with "database is locked" when
another process wrote since, whatever the busy timeout. It also parses times with a pattern, which is a third of the
time to read a hundred rows. An update and the rows inserted with it are one call to the connection's thread.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

import aiosqlite
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from core.database.sql import Insert, Statement, insert_text


class SqliteConditionalWriter(SqliteClient):
    """Updates a row and inserts related rows with one call to the connection's thread."""

    async def update_and_insert(self, update: Statement, inserts: Sequence[Insert]) -> bool:
        """Insert the rows if the update matched a row, and return whether it did."""
        statements = [update, *map(_insert_statement, inserts)]
        async with self.acquire_connection() as connection:
            try:
                return bool(await connection._execute(partial(_write, connection._conn, statements)))
            except sqlite3.OperationalError as error:
                raise OperationalError(error) from error
            except sqlite3.IntegrityError as error:
                raise IntegrityError(error) from error


def _write(connection: sqlite3.Connection, statements: Sequence[Statement]) -> bool:
    """Run all statements if the first one updates a row, atomically. It runs in the connection's thread."""
    # Inside a transaction of the caller, who commits or rolls back.
    if connection.in_transaction:
        return _write_all(connection, statements)
    connection.execute("BEGIN IMMEDIATE")
    try:
        updated = _write_all(connection, statements)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return updated


def _write_all(connection: sqlite3.Connection, statements: Sequence[Statement]) -> bool:
    update, *inserts = statements
    if connection.execute(update.text, update.values).rowcount == 0:
        return False
    for insert in inserts:
        connection.execute(insert.text, insert.values)
    return True


def _insert_statement(insert: Insert) -> Statement:
    return Statement(insert_text("sqlite", insert.table, insert.columns, len(insert.rows)), insert.values)


class ImmediateTransaction(SqliteConditionalWriter, SqliteTransactionWrapper):
    """A transaction that begins with BEGIN IMMEDIATE."""

    async def begin(self) -> None:
        """Take the write lock; wait at most the connection's busy timeout."""
        connection = self._connection
        if connection is None:
            raise TransactionManagementError("The database is not connected.")
        try:
            await connection.commit()
            await connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error
        except asyncio.CancelledError:
            await connection.rollback()  # BEGIN may still be queued in the connection's thread.
            raise


class ImmediateContext(SqliteTransactionContext):
    """A transaction that returns its connection also when BEGIN fails; the stock one keeps it."""

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


class ImmediateClient(SqliteConditionalWriter):
    """The stock client with immediate transactions and typed time columns."""

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002 - the stock client asks for it
        """Connect on the first call."""
        if self._connection is None:
            # The stock client has no option for detect_types, so the connection is opened here.
            self._connection = await aiosqlite.connect(
                self.filename, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES
            )
            self._connection._conn.row_factory = sqlite3.Row
            for name, value in self.pragmas.items():
                await self._connection.execute_fetchall(f"PRAGMA {name}={value}")
            await self._post_connect()

    def _in_transaction(self) -> TransactionContext:
        return ImmediateContext(ImmediateTransaction(self), self._lock)


sqlite3.register_converter("TIMESTAMP", lambda text: datetime.fromisoformat(text.decode()))
sqlite3.register_converter("DATE", lambda text: date.fromisoformat(text.decode()))
client_class = ImmediateClient
