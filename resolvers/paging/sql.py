"""A statement around another one, where the ORM has no words for it."""

from typing import Any

from tortoise.queryset import QuerySet


async def around(rows: QuerySet[Any], statement: str, *selected: Any) -> list[dict[str, Any]]:
    """Run `statement`, which says `{rows}` where the statement of `rows` goes, and return what it gives.

    The inner statement selects the primary key and `selected`, terms of the query builder with names of their own.
    """
    rows = rows.only("id")
    rows._db = rows._choose_db()
    rows._make_query()
    sql, values = rows.query.select(*selected).get_parameterized_sql()
    found: list[dict[str, Any]] = await rows._db.execute_query_dict(statement.format(rows=sql), values)
    return found
