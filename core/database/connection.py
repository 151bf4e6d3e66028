"""The database: its configuration, its connection, and the one way to open a transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from core.settings import Settings

TABLES = (
    "core.messaging.outbox",
    "models.accounts.users",
    "models.accounts.roles",
    "models.accounts.organizations",
    "models.accounts.collaborations",
    "models.accounts.history",
    "models.accounts.idempotency_keys",
    "models.sessions.regions",
    "models.data.uploads",
    "models.sessions.workstations",
    "models.sessions.images",
    "models.sessions.sessions",
    "models.data.datasessions",
    "models.data.results",
    "models.data.dataoperations",
    "models.data.source_credentials",
)

Hook = Callable[[], Awaitable[None]]


@dataclass
class OpenTransaction:
    """What the running transaction has promised to do before and after its commit, and notes for both."""

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    ended: list[Hook] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


_kept: dict[str, list[TortoiseContext]] = {}
_open: ContextVar[OpenTransaction | None] = ContextVar("open_transaction", default=None)
_joining: ContextVar[tuple[Hook, ...]] = ContextVar("joining", default=())


def config(settings: Settings) -> dict[str, Any]:
    """Return Tortoise's configuration for PostgreSQL by address or, without one, SQLite in the data folder."""
    app = {"models": list(TABLES), "default_connection": "default", "migrations": "models.migrations"}
    return {"connections": {"default": _connection(settings)}, "apps": {"models": app}, "use_tz": True}


def _connection(settings: Settings) -> dict[str, Any]:
    url = settings.database_url
    if url and not url.startswith("sqlite"):
        return expand_db_url(url) | {"engine": "core.database.postgres"}
    path = url.removeprefix("sqlite://") if url else str(settings.data_dir / "carrel.sqlite3")
    return {
        "engine": "core.database.sqlite",
        "credentials": {"file_path": path, "synchronous": "NORMAL", "busy_timeout": 15_000},
    }


async def connect(settings: Settings) -> None:
    """Open the database for every task of this process; one at a time."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    forget_statements()
    try:
        await Tortoise.init(config=config(settings), _enable_global_fallback=True)
    except BaseException:
        await Tortoise.close_connections()
        raise


def forget_statements() -> None:
    """Let statements be written anew: they are kept by table alone, also those of another kind of database."""
    EXECUTOR_CACHE.clear()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[None]:
    """Open the database for this task and those that it starts; other calls in the process have connections of theirs.

    It is for PostgreSQL: each call of a function opens its own, so that one that sleeps holds none. What the tables
    look like is kept from call to call, for working that out takes longer than a short job.
    """
    kept = _kept.setdefault(settings.database_url or "", [])
    context = kept.pop() if kept else TortoiseContext()
    with context:
        if not context.inited:
            await context.init(config=config(settings))
        try:
            yield
        finally:
            await context.connections.close_all()
    kept.append(context)


async def disconnect() -> None:
    """Close every connection; nothing may be in flight."""
    await Tortoise.close_connections()


async def ping() -> None:
    """Raise when the database does not answer."""
    await get_connection("default").execute_query("SELECT 1")


def dialect() -> str:
    """Return `sqlite` or `postgres`."""
    return get_connection("default").capabilities.dialect


def moment(at: datetime) -> datetime | str:
    """Return a time as the database takes it in a statement that is written by hand."""
    return at if dialect() == "postgres" else at.isoformat(" ")


async def insert_ignoring(table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Insert the rows that violate no unique column, in one statement."""
    width = len(columns)
    marks = [_marks(width, start) for start in range(0, len(rows) * width, width)]
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f'INSERT INTO "{table}" ({names}) VALUES {", ".join(marks)} ON CONFLICT DO NOTHING'  # noqa: S608
    await get_connection("default").execute_query(statement, [value for row in rows for value in row])


async def delete(table: str, column: str, values: Sequence[object]) -> None:
    """Delete the rows that have one of the values in the column, in one statement."""
    statement = f'DELETE FROM "{table}" WHERE "{column}" IN {_marks(len(values), 0)}'  # noqa: S608
    await get_connection("default").execute_query(statement, list(values))


def _marks(count: int, start: int) -> str:
    """Return the placeholders of so many values, in brackets."""
    if dialect() == "postgres":
        return f"({', '.join(f'${number}' for number in range(start + 1, start + count + 1))})"
    return f"({', '.join('?' * count)})"


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Commit all or nothing; a transaction inside another joins it.

    What was promised with `before_commit` runs inside it, what was promised with `after_commit` once it holds.
    """
    if _open.get() is not None:
        yield
        return
    opened = OpenTransaction(before=list(_joining.get()))
    token = _open.set(opened)
    try:
        async with in_transaction():
            yield
            for hook in opened.before:
                await hook()
    finally:
        _open.reset(token)
        for hook in opened.ended:
            await hook()
    for hook in opened.after:
        await hook()


@asynccontextmanager
async def alone(name: str) -> AsyncIterator[None]:
    """Open a transaction of which there is one at a time for each `name`, in all processes; an open one becomes it.

    What it reads is what the one before it left. SQLite has one transaction at a time anyhow.
    """
    async with transaction():
        if dialect() == "postgres":
            await get_connection("default").execute_query("SELECT pg_advisory_xact_lock(hashtext($1))", [name])
        yield


def is_open() -> bool:
    """Say whether a transaction is open here."""
    return _open.get() is not None


def is_joined() -> bool:
    """Say whether whatever is written here now is to be joined by somebody's hook before its commit."""
    return bool(_joining.get())


def current() -> OpenTransaction:
    """Return the open transaction; RuntimeError when there is none."""
    opened = _open.get()
    if opened is None:
        raise RuntimeError("Open a transaction first: async with transaction().")
    return opened


@contextmanager
def joining(hook: Hook) -> Iterator[None]:
    """Run `hook` before the commit of every transaction that is opened here meanwhile; one that fails undoes it."""
    token = _joining.set((*_joining.get(), hook))
    try:
        yield
    finally:
        _joining.reset(token)


def before_commit(hook: Hook) -> None:
    """Run `hook` as the last thing inside the open transaction."""
    current().before.append(hook)


def after_commit(hook: Hook) -> None:
    """Run `hook` once the open transaction holds; never when it is rolled back."""
    current().after.append(hook)


def after_end(hook: Hook) -> None:
    """Run `hook` once the open transaction is over, whether it holds or was rolled back; the hook must not fail."""
    current().ended.append(hook)
