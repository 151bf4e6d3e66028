"""The statements that every job lives on, written by hand: read a row by its key, and change it only as it was read.

The query builder takes four times as long to write them as the database to answer; everything else is left to it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from tortoise.connection import get_connection
from tortoise.models import Model

from core.database.connection import dialect
from core.database.statements import Addition, Guarded, Statement

Row = TypeVar("Row", bound=Model)


async def by_key(model: type[Row], key: int) -> Row | None:
    """Return the row with this primary key as it is now, or None."""
    _, found = await get_connection("default").execute_query(_select(model, dialect()), [key])
    return as_row(model, found)


async def swap(
    model: type[Model], match: Mapping[str, Any], changes: Mapping[str, Any], *, also: Sequence[Model] = ()
) -> bool:
    """Change the row that matches in every field, `None` included, and say whether there was one.

    `match` names its primary key. The new rows of `also` are inserted with the change, or not at all; those that
    violate a unique column are left out. It is one statement, or one errand where the database has no such statement.
    """
    compared = {name: value for name, value in match.items() if value is not None}
    text = _update(model, dialect(), tuple(changes), tuple(match), frozenset(compared))
    update = Statement(text, [told(model, name, value) for name, value in (*changes.items(), *compared.items())])
    if not also:
        count, _ = await get_connection("default").execute_query(update.text, update.values)
        return bool(count)
    return await cast("Guarded", get_connection("default")).guarded(update, _additions(also))


def as_row(model: type[Row], found: Sequence[Mapping[str, Any]]) -> Row | None:
    """Return the one row that a statement has found, if any."""
    return model._init_from_db(**dict(found[0])) if found else None


def told(model: type[Model], name: str, value: Any) -> Any:
    """Return the value of a field as the driver takes it."""
    return None if value is None else model._meta.fields_map[name].to_db_value(value, model)


def column(model: type[Model], name: str) -> str:
    """Return the column of a field, in quotes."""
    return f'"{model._meta.fields_db_projection[name]}"'


def columns(model: type[Model]) -> str:
    """Return all columns of a table as a statement lists them."""
    return ", ".join(column(model, name) for name in model._meta.fields_db_projection)


def mark(kind: str, number: int) -> str:
    """Return the placeholder of the value of this number, from 1 on."""
    return f"${number}" if kind == "postgres" else "?"


def _additions(rows: Sequence[Model]) -> list[Addition]:
    """Return what inserts these rows, a table at a time, in the order in which the tables come."""
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    return [_addition(model, some) for model, some in tables.items()]


def _addition(model: type[Model], rows: Sequence[Model]) -> Addition:
    names, types = _insertable(model)
    values = [[told(model, name, getattr(row, name)) for name in names] for row in rows]
    return Addition(model._meta.db_table, tuple(column(model, name) for name in names), types, values)


@cache
def _insertable(model: type[Model]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields that an insert fills in, which is all but the generated key, and their types in PostgreSQL."""
    meta = model._meta
    names = tuple(name for name in meta.fields_db_projection if name != meta.pk_attr)
    types = (meta.fields_map[name].get_for_dialect("postgres", "SQL_TYPE") for name in names)
    return names, tuple(re.sub(r"\(.*\)", "", str(each)) for each in types)  # A cast to VARCHAR(9) would cut silently.


@cache
def _select(model: type[Model], kind: str) -> str:
    key = f'"{model._meta.db_pk_column}"'
    return f'SELECT {columns(model)} FROM "{model._meta.db_table}" WHERE {key} = {mark(kind, 1)}'  # noqa: S608


@cache
def _update(
    model: type[Model], kind: str, changes: tuple[str, ...], match: tuple[str, ...], compared: frozenset[str]
) -> str:
    sets = [f"{column(model, name)} = {mark(kind, number)}" for number, name in enumerate(changes, 1)]
    tests, number = [], len(changes)
    for name in match:
        number += name in compared
        is_ = f"= {mark(kind, number)}" if name in compared else "IS NULL"
        tests.append(f"{column(model, name)} {is_}")
    table = model._meta.db_table
    return f'UPDATE "{table}" SET {", ".join(sets)} WHERE {" AND ".join(tests)}'  # noqa: S608
