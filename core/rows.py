"""The two statements that every job lives on, written by hand: read a row by its key, and compare and set.

The query builder takes four times as long to write them as the database to answer; everything else is left to it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from core.database import dialect

Row = TypeVar("Row", bound=Model)


async def by_key(model: type[Row], key: int) -> Row | None:
    """Return the row with this primary key as it is now, or None."""
    _, found = await get_connection("default").execute_query(_select(model, dialect()), [key])
    return model._init_from_db(**dict(found[0])) if found else None


async def swap(model: type[Row], match: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Change the rows that match in every field, `None` included, and say whether there was one; one statement."""
    compared = {name: value for name, value in match.items() if value is not None}
    statement = _update(model, dialect(), tuple(changes), tuple(match), frozenset(compared))
    values = [_told(model, name, value) for name, value in (*changes.items(), *compared.items())]
    count, _ = await get_connection("default").execute_query(statement, values)
    return bool(count)


def _told(model: type[Model], name: str, value: Any) -> Any:
    return None if value is None else model._meta.fields_map[name].to_db_value(value, model)


def _column(model: type[Model], name: str) -> str:
    return f'"{model._meta.fields_db_projection[name]}"'


def _mark(kind: str, number: int) -> str:
    return f"${number}" if kind == "postgres" else "?"


@cache
def _select(model: type[Model], kind: str) -> str:
    columns = ", ".join(_column(model, name) for name in model._meta.fields_db_projection)
    key = f'"{model._meta.db_pk_column}"'
    return f'SELECT {columns} FROM "{model._meta.db_table}" WHERE {key} = {_mark(kind, 1)}'  # noqa: S608


@cache
def _update(
    model: type[Model], kind: str, changes: tuple[str, ...], match: tuple[str, ...], compared: frozenset[str]
) -> str:
    sets = [f"{_column(model, name)} = {_mark(kind, number)}" for number, name in enumerate(changes, 1)]
    tests, number = [], len(changes)
    for name in match:
        number += name in compared
        is_ = f"= {_mark(kind, number)}" if name in compared else "IS NULL"
        tests.append(f"{_column(model, name)} {is_}")
    table = model._meta.db_table
    return f'UPDATE "{table}" SET {", ".join(sets)} WHERE {" AND ".join(tests)}'  # noqa: S608
