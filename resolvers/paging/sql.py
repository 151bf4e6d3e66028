"""SQL statements around a queryset, for what the ORM cannot express."""

from typing import Any

from tortoise.queryset import QuerySet


async def run_wrapped(rows: QuerySet[Any], statement: str, *selected: Any) -> list[dict[str, Any]]:
    """Run `statement` with the SQL of `rows` in the place of `{rows}`, and return its rows.

    The inner statement selects the primary key and `selected`, which are aliased terms of the query builder.
    """
    rows = rows.only("id")
    rows._db = rows._choose_db()
    rows._make_query()
    sql, values = rows.query.select(*selected).get_parameterized_sql()
    found: list[dict[str, Any]] = await rows._db.execute_query_dict(statement.format(rows=sql), values)
    return found
