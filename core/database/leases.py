"""Claims a row for one worker until its lease expires; each claim has a new fence.

Sessions, images and operations are claimed so.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pypika_tortoise.queries import Table
from pypika_tortoise.terms import Parameter
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
    text = _claim_text(model, dialect(), tuple(match))
    _, found = await get_connection("default").execute_query(
        text, [*values, sql.to_db_value(model, "lease_until", now())]
    )
    return sql.as_row(model, found)


@cache
def _claim_text(model: type[Model], dialect_name: str, match: tuple[str, ...]) -> str:
    fence, lease = sql.column(model, "fence"), sql.column(model, "lease_until")
    update: Any = sql.query_class(dialect_name).update(Table(model._meta.db_table))
    update = update.set(lease, Parameter(idx=1)).set(fence, fence + 1)
    for number, name in enumerate(match, 2):
        update = update.where(sql.column(model, name) == Parameter(idx=number))
    expired = lease.isnull() | (lease < Parameter(idx=len(match) + 2))
    text: str = update.where(expired).returning(*sql.columns(model)).get_sql()
    # Tortoise treats an UPDATE as a statement without rows; in a SELECT they are returned.
    if dialect_name == "postgres":
        return f"WITH claimed AS ({text}) SELECT * FROM claimed"  # noqa: S608
    return text
