"""Claims a row for one worker until its lease expires; each claim has a new fence.

Sessions, images and operations are claimed so.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from core.clock import now
from core.database import sql
from core.database.connection import dialect

Row = TypeVar("Row", bound=Model)


async def claim(model: type[Row], match: Mapping[str, Any], until: datetime) -> Row | None:
    """Claim the matching row unless another worker's lease on it is valid, and return the updated row; one statement.

    The table needs the columns `fence`, which is incremented, and `lease_until`, which is set to `until`.
    """
    values = [sql.to_db_value(model, "lease_until", until), *(sql.to_db_value(model, *each) for each in match.items())]
    text = _claim_sql(model, dialect(), tuple(match))
    _, found = await get_connection("default").execute_query(
        text, [*values, sql.to_db_value(model, "lease_until", now())]
    )
    return sql.as_row(model, found)


@cache
def _claim_sql(model: type[Model], dialect_name: str, match: tuple[str, ...]) -> str:
    fence, lease = sql.column(model, "fence"), sql.column(model, "lease_until")
    tests = [
        f"{sql.column(model, name)} = {sql.placeholder(dialect_name, number)}" for number, name in enumerate(match, 2)
    ]
    expired = f"({lease} IS NULL OR {lease} < {sql.placeholder(dialect_name, len(match) + 2)})"
    where = " AND ".join([*tests, expired])
    change = f"{fence} = {fence} + 1, {lease} = {sql.placeholder(dialect_name, 1)}"
    text = f'UPDATE "{model._meta.db_table}" SET {change} WHERE {where} RETURNING {sql.columns(model)}'  # noqa: S608
    # Tortoise treats an UPDATE as a statement without rows; in a SELECT they are returned.
    if dialect_name == "postgres":
        return f"WITH claimed AS ({text}) SELECT * FROM claimed"  # noqa: S608
    return text
