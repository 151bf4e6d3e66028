"""Fresh migrated databases of both kinds, copied from a template that is migrated once."""

import asyncio
import shutil
from pathlib import Path

from core.settings import load
from models.services.migration import migrate
from tests.services.postgres import Postgres

TEMPLATE = "carrel_template"


def migrated_sqlite(folder: Path) -> Path:
    """Return a closed SQLite file with all migrations."""
    file = folder / "template.sqlite3"
    _migrate(folder, f"sqlite://{file}")
    return file


def migrated_postgres(server: Postgres, folder: Path) -> str:
    """Return the name of a database with all migrations and without connections."""
    _migrate(folder, asyncio.run(server.create(TEMPLATE)))
    return TEMPLATE


def copy_sqlite(template: Path, folder: Path) -> str:
    """Return the address of a copy of the template."""
    return f"sqlite://{shutil.copyfile(template, folder / 'carrel.sqlite3')}"


def _migrate(folder: Path, url: str) -> None:
    asyncio.run(migrate(load(data_dir=folder, database_url=url)))
