"""Statements of the hot path of jobs, rendered once for each shape; engines, leases and the outbox use them.

The query builder needs four times as long to build these statements as the database to run them. All other statements
are left to it. Each shape is therefore built once for each dialect, with placeholders instead of values.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Protocol, TypeVar, cast

from pypika_tortoise.dialects import PostgreSQLQuery, SQLLiteQuery
from pypika_tortoise.queries import Query, Table
from pypika_tortoise.terms import Parameter
from tortoise.connection import get_connection
from tortoise.models import Model

from core.database.connection import dialect

Row = TypeVar("Row", bound=Model)
MAX_CACHED = 1000
MAX_ROWS_PER_INSERT = 500


@dataclass(frozen=True)
class Statement:
    """A statement and the values of its placeholders."""

    text: str
    values: list[Any]


@dataclass(frozen=True)
class Insert:
    """New rows of one table; `types` are those of PostgreSQL without lengths."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def values(self) -> list[Any]:
        """All values, row by row."""
        return [value for row in self.rows for value in row]


class ConditionalWriter(Protocol):
    """A database connection that updates a row and inserts related rows atomically."""

    async def update_and_insert(self, update: Statement, inserts: Sequence[Insert]) -> bool:
        """Run the update and, if it matched a row, the inserts; return whether it matched.

        It is atomic. Inserted rows that violate a unique column are skipped.
        """
        ...


async def get_by_pk(model: type[Row], key: int) -> Row | None:
    """Return the row with this primary key, or None."""
    _, found = await get_connection("default").execute_query(_select_text(model, dialect()), [key])
    return as_row(model, found)


async def compare_and_set(
    model: type[Model], match: Mapping[str, Any], changes: Mapping[str, Any], *, inserts: Sequence[Model] = ()
) -> bool:
    """Update the row that equals `match` in every field (None matches NULL), and return whether there was one.

    `match` contains the primary key. The rows of `inserts` are inserted only with the update; rows that violate a
    unique column are skipped. PostgreSQL runs one statement, SQLite one call to the connection's thread.
    """
    compared = {name: value for name, value in match.items() if value is not None}
    text = _update_text(model, dialect(), tuple(changes), tuple(match), frozenset(compared))
    update = Statement(text, [to_db_value(model, name, value) for name, value in (*changes.items(), *compared.items())])
    if not inserts:
        count, _ = await get_connection("default").execute_query(update.text, update.values)
        return bool(count)
    return await cast("ConditionalWriter", get_connection("default")).update_and_insert(update, _inserts(inserts))


async def insert_or_ignore(rows: Sequence[Model]) -> None:
    """Insert new rows, except those that violate a unique column; one statement for MAX_ROWS_PER_INSERT of a table."""
    for start in range(0, len(rows), MAX_ROWS_PER_INSERT):
        for insert in _inserts(rows[start : start + MAX_ROWS_PER_INSERT]):
            text = insert_text(dialect(), insert.table, insert.columns, len(insert.rows))
            await get_connection("default").execute_query(text, insert.values)


async def delete(model: type[Model], name: str, values: Sequence[Any]) -> None:
    """Delete the rows whose field has one of the values, in one statement."""
    text = _delete_text(model, dialect(), name, len(values))
    await get_connection("default").execute_query(text, [to_db_value(model, name, value) for value in values])


def as_row(model: type[Row], found: Sequence[Mapping[str, Any]]) -> Row | None:
    """Return the first row of a result as a model, or None."""
    return model._init_from_db(**dict(found[0])) if found else None


def to_db_value(model: type[Model], name: str, value: Any) -> Any:
    """Return a field's value as the driver takes it."""
    return None if value is None else model._meta.fields_map[name].to_db_value(value, model)


def query_class(dialect_name: str) -> type[Query]:
    """Return the query builder of a dialect."""
    return PostgreSQLQuery if dialect_name == "postgres" else SQLLiteQuery


def column(model: type[Model], name: str) -> Any:
    """Return the column of a field as a term of the query builder."""
    return Table(model._meta.db_table)[model._meta.fields_db_projection[name]]


def columns(model: type[Model]) -> list[str]:
    """Return the names of all columns of a table."""
    return list(model._meta.fields_db_projection.values())


@lru_cache(MAX_CACHED)
def insert_text(dialect_name: str, table: str, names: tuple[str, ...], count: int) -> str:
    """Return the statement that inserts `count` rows, except those that violate a unique column."""
    width = len(names)
    rows = [_parameters(range(start + 1, start + width + 1)) for start in range(0, count * width, width)]
    into = query_class(dialect_name).into(Table(table)).columns(*names).insert(*rows)
    return into.on_conflict().do_nothing().get_sql()


def _inserts(rows: Sequence[Model]) -> list[Insert]:
    """Group the rows by table; the tables keep their order."""
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    return [_insert(model, some) for model, some in tables.items()]


def _insert(model: type[Model], rows: Sequence[Model]) -> Insert:
    fields, names, types = _insertable(model)
    values = [[to_db_value(model, name, getattr(row, name)) for name in fields] for row in rows]
    return Insert(model._meta.db_table, names, types, values)


@cache
def _insertable(model: type[Model]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the fields of an insert (all but the generated key), their columns and their PostgreSQL types."""
    meta = model._meta
    fields = tuple(name for name in meta.fields_db_projection if name != meta.pk_attr)
    types = (str(meta.fields_map[name].get_for_dialect("postgres", "SQL_TYPE")) for name in fields)
    # Without lengths: a cast to VARCHAR(9) would truncate silently.
    bare = tuple(re.sub(r"\(.*\)", "", each) for each in types)
    return fields, tuple(meta.fields_db_projection[name] for name in fields), bare


@cache
def _select_text(model: type[Model], dialect_name: str) -> str:
    table = Table(model._meta.db_table)
    found = query_class(dialect_name).from_(table).where(table[model._meta.db_pk_column] == Parameter(idx=1))
    return found.select(*columns(model)).get_sql()


@cache
def _update_text(
    model: type[Model], dialect_name: str, changes: tuple[str, ...], match: tuple[str, ...], compared: frozenset[str]
) -> str:
    update = query_class(dialect_name).update(Table(model._meta.db_table))
    for number, name in enumerate(changes, 1):
        update = update.set(column(model, name), Parameter(idx=number))
    number = len(changes)
    for name in match:
        number += name in compared
        tested = column(model, name)
        update = update.where(tested == Parameter(idx=number) if name in compared else tested.isnull())
    return update.get_sql()


@lru_cache(MAX_CACHED)
def _delete_text(model: type[Model], dialect_name: str, name: str, count: int) -> str:
    found = query_class(dialect_name).from_(Table(model._meta.db_table)).delete()
    return found.where(column(model, name).isin(_parameters(range(1, count + 1)))).get_sql()


def _parameters(numbers: Iterable[int]) -> list[Parameter]:
    return [Parameter(idx=number) for number in numbers]
