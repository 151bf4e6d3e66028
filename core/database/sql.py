"""Hand-written SQL for the hot path of jobs: read a row by primary key, and compare-and-set.

The query builder needs four times as long to build these statements as the database to run them. All other statements
are left to it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from tortoise.connection import get_connection
from tortoise.models import Model

from core.database.connection import dialect
from core.database.statements import ConditionalWriter, Insert, Statement

Row = TypeVar("Row", bound=Model)


async def get_by_pk(model: type[Row], key: int) -> Row | None:
    """Return the row with this primary key, or None."""
    _, found = await get_connection("default").execute_query(_select(model, dialect()), [key])
    return as_row(model, found)


async def compare_and_set(
    model: type[Model], match: Mapping[str, Any], changes: Mapping[str, Any], *, inserts: Sequence[Model] = ()
) -> bool:
    """Update the row that equals `match` in every field (None matches NULL), and return whether there was one.

    `match` contains the primary key. The rows of `inserts` are inserted only with the update; rows that violate a
    unique column are skipped. PostgreSQL runs one statement, SQLite one call to the connection's thread.
    """
    compared = {name: value for name, value in match.items() if value is not None}
    text = _update(model, dialect(), tuple(changes), tuple(match), frozenset(compared))
    update = Statement(text, [to_db_value(model, name, value) for name, value in (*changes.items(), *compared.items())])
    if not inserts:
        count, _ = await get_connection("default").execute_query(update.text, update.values)
        return bool(count)
    return await cast("ConditionalWriter", get_connection("default")).update_and_insert(update, _inserts(inserts))


def as_row(model: type[Row], found: Sequence[Mapping[str, Any]]) -> Row | None:
    """Return the first row of a result as a model, or None."""
    return model._init_from_db(**dict(found[0])) if found else None


def to_db_value(model: type[Model], name: str, value: Any) -> Any:
    """Return a field's value as the driver takes it."""
    return None if value is None else model._meta.fields_map[name].to_db_value(value, model)


def column(model: type[Model], name: str) -> str:
    """Return the quoted column of a field."""
    return f'"{model._meta.fields_db_projection[name]}"'


def columns(model: type[Model]) -> str:
    """Return all columns of a table, quoted, for a SELECT or RETURNING list."""
    return ", ".join(column(model, name) for name in model._meta.fields_db_projection)


def placeholder(dialect_name: str, number: int) -> str:
    """Return the placeholder of the value with this number, counted from 1."""
    return f"${number}" if dialect_name == "postgres" else "?"


def _inserts(rows: Sequence[Model]) -> list[Insert]:
    """Group the rows by table; the tables keep their order."""
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    return [_insert(model, some) for model, some in tables.items()]


def _insert(model: type[Model], rows: Sequence[Model]) -> Insert:
    names, types = _insertable(model)
    values = [[to_db_value(model, name, getattr(row, name)) for name in names] for row in rows]
    return Insert(model._meta.db_table, tuple(column(model, name) for name in names), types, values)


@cache
def _insertable(model: type[Model]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of an insert (all but the generated key) and their PostgreSQL types."""
    meta = model._meta
    names = tuple(name for name in meta.fields_db_projection if name != meta.pk_attr)
    types = (meta.fields_map[name].get_for_dialect("postgres", "SQL_TYPE") for name in names)
    return names, tuple(
        re.sub(r"\(.*\)", "", str(each)) for each in types
    )  # A cast to VARCHAR(9) would truncate silently.


@cache
def _select(model: type[Model], dialect_name: str) -> str:
    key = f'"{model._meta.db_pk_column}"'
    return f'SELECT {columns(model)} FROM "{model._meta.db_table}" WHERE {key} = {placeholder(dialect_name, 1)}'  # noqa: S608


@cache
def _update(
    model: type[Model], dialect_name: str, changes: tuple[str, ...], match: tuple[str, ...], compared: frozenset[str]
) -> str:
    sets = [f"{column(model, name)} = {placeholder(dialect_name, number)}" for number, name in enumerate(changes, 1)]
    tests, number = [], len(changes)
    for name in match:
        number += name in compared
        condition = f"= {placeholder(dialect_name, number)}" if name in compared else "IS NULL"
        tests.append(f"{column(model, name)} {condition}")
    table = model._meta.db_table
    return f'UPDATE "{table}" SET {", ".join(sets)} WHERE {" AND ".join(tests)}'  # noqa: S608
