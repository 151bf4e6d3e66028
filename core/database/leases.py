"""Rows that one worker at a time works on: each claim has a new fence, and holds until its lease is over."""

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
    """Take the row that matches, if nobody's lease on it lasts, and return it as it now is; one statement.

    Its table has `fence`, which is raised, and `lease_until`, which becomes `until`.
    """
    values = [sql.told(model, "lease_until", until), *(sql.told(model, *each) for each in match.items())]
    text = _claim(model, dialect(), tuple(match))
    _, found = await get_connection("default").execute_query(text, [*values, sql.told(model, "lease_until", now())])
    return sql.as_row(model, found)


@cache
def _claim(model: type[Model], kind: str, match: tuple[str, ...]) -> str:
    fence, lease = sql.column(model, "fence"), sql.column(model, "lease_until")
    tests = [f"{sql.column(model, name)} = {sql.mark(kind, number)}" for number, name in enumerate(match, 2)]
    over = f"({lease} IS NULL OR {lease} < {sql.mark(kind, len(match) + 2)})"
    where = " AND ".join([*tests, over])
    change = f"{fence} = {fence} + 1, {lease} = {sql.mark(kind, 1)}"
    text = f'UPDATE "{model._meta.db_table}" SET {change} WHERE {where} RETURNING {sql.columns(model)}'  # noqa: S608
    if kind == "postgres":
        return f"WITH claimed AS ({text}) SELECT * FROM claimed"  # noqa: S608
    return text
