"""Tortoise's configuration, the connection, and transactions with hooks; all database access goes through it.

Open transactions with `transaction()` only: the hooks of Tortoise's own would not run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from core.settings import Settings

Hook = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Tables:
    """The modules that define tables, and the package of their migrations."""

    modules: tuple[str, ...]
    migrations: str


@dataclass
class OpenTransaction:
    """The hooks of the running transaction, and a context that they share."""

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    ended: list[Hook] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)


_idle_contexts: dict[str, list[TortoiseContext]] = {}
_open: ContextVar[OpenTransaction | None] = ContextVar("open_transaction", default=None)
_commit_hooks: ContextVar[tuple[Hook, ...]] = ContextVar("commit_hooks", default=())


def config(settings: Settings, tables: Tables) -> dict[str, Any]:
    """Return Tortoise's configuration: the database at `database_url` or, without one, SQLite in the data folder."""
    app = {"models": list(tables.modules), "default_connection": "default", "migrations": tables.migrations}
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


async def connect(settings: Settings, tables: Tables) -> None:
    """Open the database for all tasks of this process. A process has one such database at a time."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    clear_statement_cache()
    try:
        await Tortoise.init(config=config(settings, tables), _enable_global_fallback=True)
    except BaseException:
        await Tortoise.close_connections()
        raise


def clear_statement_cache() -> None:
    """Clear the cached statements. Tortoise keys them by table only, so another dialect would get the wrong ones."""
    EXECUTOR_CACHE.clear()


@asynccontextmanager
async def connected(settings: Settings, tables: Tables) -> AsyncIterator[None]:
    """Open the database for this task and those that it starts; other tasks of the process have their own connections.

    Functions on PostgreSQL use it: each call opens its own connections, so a suspended function holds none. The model
    metadata is reused between calls, because building it takes longer than a short job.
    """
    idle = _idle_contexts.setdefault(settings.database_url or "", [])
    context = idle.pop() if idle else TortoiseContext()
    with context:
        if not context.inited:
            await context.init(config=config(settings, tables))
        try:
            yield
        finally:
            await context.connections.close_all()
    # Not in a finally: a context whose connections failed to close is dropped.
    idle.append(context)


async def disconnect() -> None:
    """Close every connection. No statement may be running."""
    await Tortoise.close_connections()


async def ping() -> None:
    """Raise when the database does not answer."""
    await get_connection("default").execute_query("SELECT 1")


def dialect() -> str:
    """Return `sqlite` or `postgres`."""
    return get_connection("default").capabilities.dialect


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Commit all or nothing; a transaction inside another joins it.

    Hooks of `before_commit` run inside it, hooks of `after_commit` after a successful commit.
    """
    if _open.get() is not None:
        yield
        return
    # A contextvar, so that concurrent tasks have their own transactions.
    current = OpenTransaction(before=list(_commit_hooks.get()))
    token = _open.set(current)
    try:
        async with in_transaction():
            yield
            for hook in current.before:
                await hook()
    finally:
        _open.reset(token)
        for hook in current.ended:
            await hook()
    # Outside the try: hooks run after the commit, and their errors cannot roll it back.
    for hook in current.after:
        await hook()


@asynccontextmanager
async def advisory_lock(name: str) -> AsyncIterator[None]:
    """Open a transaction that holds the advisory lock `name`; an open transaction takes the lock and is joined.

    It sees everything committed by the previous lock holder. SQLite needs no lock: it has one writer at a time.
    """
    async with transaction():
        if dialect() == "postgres":
            await get_connection("default").execute_query("SELECT pg_advisory_xact_lock(hashtext($1))", [name])
        yield


def is_in_transaction() -> bool:
    """Return whether this task is in a transaction."""
    return _open.get() is not None


def has_commit_hook() -> bool:
    """Return whether transactions of this task run a hook of `with_commit_hook` before they commit."""
    return bool(_commit_hooks.get())


def current_transaction() -> OpenTransaction:
    """Return the open transaction; RuntimeError when there is none."""
    current = _open.get()
    if current is None:
        raise RuntimeError("Open a transaction first: async with transaction().")
    return current


@contextmanager
def with_commit_hook(hook: Hook) -> Iterator[None]:
    """Run `hook` before each commit of a transaction opened in this context; its error rolls the transaction back."""
    token = _commit_hooks.set((*_commit_hooks.get(), hook))
    try:
        yield
    finally:
        _commit_hooks.reset(token)


def before_commit(hook: Hook) -> None:
    """Run `hook` inside the open transaction, before its commit."""
    current_transaction().before.append(hook)


def after_commit(hook: Hook) -> None:
    """Run `hook` after the open transaction has committed; never after a rollback."""
    current_transaction().after.append(hook)


def after_end(hook: Hook) -> None:
    """Run `hook` after the open transaction has committed or rolled back. The hook must not raise."""
    current_transaction().ended.append(hook)
