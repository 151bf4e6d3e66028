"""Fresh migrated databases of both kinds, each a copy of a template that was migrated once."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.migrations.api import migrate

from core.database import config
from core.settings import load
from tests.services.postgres import Postgres

TEMPLATE = "carrel_template"


def migrated_sqlite(folder: Path) -> Path:
    """Return a SQLite file that was migrated to the newest state and closed."""
    file = folder / "template.sqlite3"
    _migrate(folder, f"sqlite://{file}")
    return file


def migrated_postgres(server: Postgres, folder: Path) -> str:
    """Return the name of a database that was migrated to the newest state; nobody is connected to it."""
    _migrate(folder, asyncio.run(server.create(TEMPLATE)))
    return TEMPLATE


def forget_statements() -> None:
    """Make Tortoise write its statements anew: it keeps those of the first kind of database that a process used."""
    EXECUTOR_CACHE.clear()


def copy_sqlite(template: Path, folder: Path) -> str:
    """Return the address of a copy of the template."""
    return f"sqlite://{shutil.copyfile(template, folder / 'carrel.sqlite3')}"


def _migrate(folder: Path, url: str) -> None:
    asyncio.run(_run(config(load(data_dir=folder, database_url=url))))


async def _run(configuration: dict[str, Any]) -> None:
    forget_statements()
    try:
        await migrate(config=configuration)
    finally:
        await Tortoise.close_connections()
