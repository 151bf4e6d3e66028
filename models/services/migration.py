"""Migrates the database to the newest schema, and syncs the default roles with their definition.

SQLite rebuilds a table to alter it. With foreign keys on, this would delete the rows that refer to the table, and it
always loses the table's indexes. So a SQLite file is copied, migrated with foreign keys off, and checked afterwards.
"""

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.api import migrate as run_migrations
from tortoise.migrations.executor import MigrationExecutor

from core.clock import now
from core.database import connection as database_connection
from core.errors import Conflict
from core.settings import Settings
from models.services.accounts.roles import sync_default_roles
from models.tables import TABLES

log = logging.getLogger(__name__)


async def migrate(settings: Settings, *, target: str | None = None) -> list[str]:
    """Apply the pending migrations, or migrate to `target`. Return the names of the pending ones."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database_connection.clear_statement_cache()
    configuration = database_connection.config(settings, TABLES)
    try:
        pending = await _pending(configuration)
        if pending or target:
            await apply(configuration, target)
        if target is None:
            await _sync_roles(configuration)
    finally:
        await Tortoise.close_connections()
    return pending


async def apply(configuration: dict[str, Any], target: str | None = None) -> None:
    """Apply the pending migrations, or migrate to `target`. A SQLite file is copied first and checked afterwards."""
    file = sqlite_file(configuration)
    if file is None:
        await run_migrations(config=configuration, target=target)
        return
    before = await _count_rows(configuration) if await asyncio.to_thread(file.exists) else {}
    if any(before.values()):
        copy = file.with_suffix(f".before-{now():%Y%m%dT%H%M%S}")
        await asyncio.to_thread(shutil.copyfile, file, copy)
        log.info("the database was copied to %s before its migration", copy)
    configuration["connections"]["default"]["credentials"]["foreign_keys"] = "OFF"
    await run_migrations(config=configuration, target=target)
    if target is None:
        await Tortoise.generate_schemas(safe=True)  # Re-creates the indexes that a rebuilt table has lost.
    await _check_rows(before, await _count_rows(configuration))


async def _check_rows(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    _, broken = await get_connection("default").execute_query("PRAGMA foreign_key_check")
    if broken:
        raise Conflict(
            f"The migration left {len(broken)} rows with broken references; restore the copy next to the database file."
        )
    lost = [name for name, count in before.items() if name in after and after[name] < count]
    if lost:
        raise Conflict(f"The migration lost rows of {', '.join(lost)}; restore the copy next to the database file.")


async def _pending(configuration: dict[str, Any]) -> list[str]:
    await Tortoise.init(config=configuration)
    steps = await MigrationExecutor(get_connection("default"), configuration["apps"]).plan()
    return [step.migration.name for step in steps if not step.backward]


async def _count_rows(configuration: dict[str, Any]) -> dict[str, int]:
    await Tortoise.init(config=configuration)
    connection = get_connection("default")
    rows = await connection.execute_query_dict(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_%' AND name <> 'tortoise_migrations'"
    )
    counts: dict[str, int] = {}
    for row in rows:
        found = await connection.execute_query_dict(f'SELECT count(*) AS count FROM "{row["name"]}"')  # noqa: S608
        counts[row["name"]] = found[0]["count"]
    return counts


async def _sync_roles(configuration: dict[str, Any]) -> None:
    await Tortoise.init(config=configuration)
    await sync_default_roles()


def sqlite_file(configuration: Mapping[str, Any]) -> Path | None:
    """Return the file of a SQLite configuration, or None for another database."""
    path = configuration["connections"]["default"]["credentials"].get("file_path")
    return Path(path) if path else None
