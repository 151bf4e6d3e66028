"""Run every migration on filled databases of both kinds: no row, reference or index may get lost on the way."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.migrations.autodetector import MigrationAutodetector

from core.database.connection import clear_statement_cache, config
from core.errors import Conflict
from core.settings import load
from models.services import migration
from models.tables import TABLES
from scripts.tables import Tables, count_rows, fill, read_indexes, read_tables
from tests.services.missing import MissingService, is_ci
from tests.services.postgres import postgres_server

APP = "models"
MIGRATIONS = Path(__file__).resolve().parents[1] / "models" / "migrations"
# Tortoise's own record of what was applied.
RECORD = "tortoise_migrations"


class LostError(Exception):
    """A migration does not hold what it must."""


def main() -> int:
    """Check both kinds of database; return 1 and say what is wrong."""
    try:
        for kind in (sqlite, postgres):
            clear_statement_cache()
            with kind() as (migrated, fresh):
                asyncio.run(check(migrated, fresh))
    except LostError as error:
        print(error, file=sys.stderr)
        return 1
    except MissingService as error:
        print(f"not run: migrations on PostgreSQL: {error}", file=sys.stderr)
        return int(is_ci())
    return 0


@contextmanager
def sqlite() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the configurations of two empty SQLite files."""
    with TemporaryDirectory(prefix="carrel-migrations-") as folder:
        yield _configuration(f"sqlite://{folder}/migrated"), _configuration(f"sqlite://{folder}/fresh")


@contextmanager
def postgres() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the configurations of two empty PostgreSQL databases."""
    with postgres_server() as server:
        migrated, fresh = (asyncio.run(server.create(name)) for name in ("migrated", "fresh"))
        yield _configuration(migrated), _configuration(fresh)


def _configuration(url: str) -> dict[str, Any]:
    return config(load(database_url=url), TABLES)


async def check(migrated: dict[str, Any], fresh: dict[str, Any]) -> None:
    """Apply the migrations one by one to a database that is filled before each, then compare it with the models."""
    await no_changes(migrated)
    for name in names():
        await step(migrated, name)
    made = await shape(migrated, generate=False)
    wanted = await shape(fresh, generate=True)
    compare(made, wanted, migrated["connections"]["default"]["engine"])


def names() -> list[str]:
    """Return the migrations in their order."""
    return sorted(file.stem for file in MIGRATIONS.glob("[0-9]*.py"))


async def step(configuration: dict[str, Any], name: str) -> None:
    """Apply one migration; every row that stood before must stand afterwards, and every reference must hold."""
    try:
        await Tortoise.init(config=configuration)
        client = get_connection("default")
        before = await count_rows(client, list(await read_own_tables(client)))
        await apply(configuration, name)
        client = get_connection("default")
        tables = await read_own_tables(client)
        after = await count_rows(client, list(tables))
        for table in before.keys() & after.keys():
            if before[table] != after[table]:
                raise LostError(f"{name} takes rows from {table}: {before[table]} before, {after[table]} after it.")
        await references_hold(client, name)
        await fill(client, tables)
    finally:
        await Tortoise.close_connections()


async def apply(configuration: dict[str, Any], name: str) -> None:
    """Run one migration; LostError says why it does not run."""
    try:
        await migration.apply(configuration, target=f"{APP}.{name}" if name != names()[-1] else None)
    except (OperationalError, IntegrityError, Conflict) as error:
        raise LostError(
            f"{name} does not run on {configuration['connections']['default']['engine']}: {error}"
        ) from error


async def references_hold(client: BaseDBAsyncClient, name: str) -> None:
    """Raise when SQLite, which does not look by itself, finds a reference to nothing."""
    if client.capabilities.dialect == "sqlite":
        broken = await client.execute_query_dict("PRAGMA foreign_key_check")
        if broken:
            raise LostError(f"{name} leaves {len(broken)} references to nothing, the first in {broken[0]['table']}.")


async def read_own_tables(client: BaseDBAsyncClient) -> Tables:
    """Return our tables, without Tortoise's own record."""
    return {name: columns for name, columns in (await read_tables(client)).items() if name != RECORD}


async def shape(configuration: dict[str, Any], *, generate: bool) -> set[str]:
    """Return one line per column and index, so that two databases can be compared."""
    try:
        await Tortoise.init(config=configuration)
        if generate:
            await Tortoise.generate_schemas(safe=False)
        client = get_connection("default")
        tables = await read_own_tables(client)
        indexes = await read_indexes(client)
    finally:
        await Tortoise.close_connections()
    columns = {f"column {c.table}.{c.column} {c.type}" for group in tables.values() for c in group}
    return columns | {f"index {table}({names})" for table, names, _ in indexes if table != RECORD}


def compare(made: set[str], wanted: set[str], kind: str) -> None:
    """Raise when the migrated database differs from one made of the models at once."""
    if made != wanted:
        lost = "\n".join(
            [*(f"- {line}" for line in sorted(wanted - made)), *(f"+ {line}" for line in sorted(made - wanted))]
        )
        raise LostError(f"After the migrations {kind} differs from the models (- missing, + too much):\n{lost}")


async def no_changes(configuration: dict[str, Any]) -> None:
    """Raise when the models changed without a migration."""
    try:
        await Tortoise.init(config=configuration, init_connections=False)
        changes = await MigrationAutodetector(Tortoise.apps, configuration["apps"]).changes()
    finally:
        await Tortoise.close_connections()
    if changes:
        operations = [type(operation).__name__ for writer in changes for operation in writer.operations]
        raise LostError(
            f"The models changed without a migration ({', '.join(operations)}); run `tortoise makemigrations`."
        )


if __name__ == "__main__":
    sys.exit(main())
