"""Tables, references and indexes of a database as the database reports them, and sample rows to fill it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

ROWS = 3
LONGEST_TEXT = 40

COLUMNS = {
    "sqlite": """
        SELECT m.name AS "table", c.name AS "column", lower(c.type) AS type, c."notnull" OR c.pk AS required,
               c.pk AS primary_key, c.pk AND lower(c.type) = 'integer' OR c.dflt_value IS NOT NULL AS has_default,
               f."table" AS parent
        FROM sqlite_master m JOIN pragma_table_info(m.name) c
        LEFT JOIN pragma_foreign_key_list(m.name) f ON f."from" = c.name
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY 1, c.cid""",
    "postgres": """
        SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
               a.attnotnull AS required, COALESCE(a.attnum = ANY(p.conkey), false) AS primary_key,
               a.atthasdef OR a.attidentity <> '' AS has_default, f.confrelid::regclass::text AS parent
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
        LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, a.attnum""",
}
INDEXES = {
    "sqlite": """
        SELECT m.name AS "table", i."unique" AS is_unique, group_concat(c.name) AS columns
        FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
        WHERE m.type = 'table' GROUP BY m.name, i.name""",
    "postgres": """
        SELECT t.relname AS "table", i.indisunique AS is_unique,
               string_agg(a.attname, ',' ORDER BY array_position(i.indkey::int2[], a.attnum)) AS columns
        FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(i.indkey)
        GROUP BY t.relname, i.indexrelid, i.indisunique""",
}


@dataclass(frozen=True)
class Column:
    """One column: its type as the database spells it, and the table that it refers to."""

    table: str
    column: str
    type: str
    required: bool
    primary_key: bool
    has_default: bool
    parent: str | None


Tables = dict[str, list[Column]]


async def read_tables(client: BaseDBAsyncClient) -> Tables:
    """Return the columns of every table."""
    rows = await client.execute_query_dict(COLUMNS[client.capabilities.dialect])
    columns = [Column(**{**row, "parent": (row["parent"] or "").strip('"') or None}) for row in rows]
    return {table: list(group) for table, group in groupby(columns, key=lambda column: column.table)}


async def read_indexes(client: BaseDBAsyncClient) -> set[tuple[str, str, bool]]:
    """Return table, columns and uniqueness of every index."""
    rows = await client.execute_query_dict(INDEXES[client.capabilities.dialect])
    return {(row["table"], row["columns"], bool(row["is_unique"])) for row in rows}


async def count_rows(client: BaseDBAsyncClient, tables: Sequence[str]) -> dict[str, int]:
    """Return the number of rows of each table."""
    counts = {}
    for table in tables:
        answer = await client.execute_query_dict(f'SELECT count(*) AS n FROM "{table}"')  # noqa: S608 - our own names
        counts[table] = int(answer[0]["n"])
    return counts


async def fill(client: BaseDBAsyncClient, tables: Tables) -> None:
    """Put rows into every empty table, parents first, with a value in every column."""
    counts = await count_rows(client, list(tables))
    for table in parents_first(tables):
        if counts[table] == 0:
            for number in range(1, ROWS + 1):
                await _insert(client, tables, table, number)


def parents_first(tables: Tables) -> list[str]:
    """Return the tables so that each stands after those it must refer to."""
    waiting = {
        name: {c.parent for c in columns if c.parent and c.parent != name and c.required}
        for name, columns in tables.items()
    }
    order: list[str] = []
    while waiting:
        ready = sorted(name for name, parents in waiting.items() if parents <= set(order))
        if not ready:
            raise ValueError(f"These tables need one another's rows: {', '.join(sorted(waiting))}.")
        order += ready
        waiting = {name: parents for name, parents in waiting.items() if name not in ready}
    return order


async def _insert(client: BaseDBAsyncClient, tables: Tables, table: str, number: int) -> None:
    columns = [column for column in tables[table] if not (column.primary_key and column.has_default)]
    values = [await _value(client, tables, column, number) for column in columns]
    marks = ["?" if client.capabilities.dialect == "sqlite" else f"${place}" for place in range(1, len(columns) + 1)]
    names = ", ".join(f'"{column.column}"' for column in columns)
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(marks)})'  # noqa: S608 - our own names
    await client.execute_query(statement, values)


async def _value(client: BaseDBAsyncClient, tables: Tables, column: Column, number: int) -> Any:
    if column.parent:
        return await _parent(client, tables, column, number)
    return sample(column, number, client.capabilities.dialect)


async def _parent(client: BaseDBAsyncClient, tables: Tables, column: Column, number: int) -> Any:
    key = next(other.column for other in tables[str(column.parent)] if other.primary_key)
    statement = f'SELECT "{key}" AS id FROM "{column.parent}" ORDER BY 1 LIMIT 1 OFFSET {number - 1}'  # noqa: S608
    rows = await client.execute_query_dict(statement)
    return rows[0]["id"] if rows else None


def sample(column: Column, number: int, dialect: str) -> Any:
    """Return a value that fits the column and differs from row to row."""
    kind, _, rest = column.type.partition("(")
    length = int(rest.split(")")[0].split(",")[0]) if rest and rest[0].isdigit() else LONGEST_TEXT
    if kind.startswith("timestamp"):
        moment = datetime(2020, 1, number, tzinfo=UTC)
        return moment.isoformat(" ") if dialect == "sqlite" else moment
    by_kind: dict[str, Any] = {
        "bool": True,
        "boolean": True,
        "json": "{}",
        "jsonb": "{}",
        "uuid": uuid4(),
        "bytea": bytes([number]),
        "blob": bytes([number]),
        "date": datetime(2020, 1, number, tzinfo=UTC).date(),
        "real": float(number),
        "double precision": float(number),
    }
    numbers = ("int", "integer", "smallint", "bigint", "numeric", "decimal")
    return number if kind in numbers else by_kind.get(kind, f"{number}{column.column}"[:length])
