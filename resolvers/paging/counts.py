"""Row counts up to a limit, for the `totalCount` of lists."""

from collections.abc import Sequence
from typing import Any

from tortoise.functions import Count
from tortoise.queryset import QuerySet

from resolvers.paging.sql import run_wrapped

MAX_COUNT = 10_000
"""The largest count. Longer lists report this number."""


async def count_up_to(rows: QuerySet[Any], limit: int = MAX_COUNT) -> int:
    """Return the number of rows, at most `limit`. The database reads no more rows than that."""
    (found,) = await run_wrapped(rows.limit(limit), 'SELECT COUNT(*) AS "n" FROM ({rows}) AS "limited"')
    return int(found["n"])


async def count_each(rows: QuerySet[Any], of: str, keys: Sequence[int], limit: int = MAX_COUNT) -> list[int]:
    """Return the number of rows for each key in the column `of`, each at most `limit`, with one statement."""
    in_keys: dict[str, Any] = {f"{of}__in": list(keys)}
    found: Any = await rows.filter(**in_keys).annotate(n=Count("id")).group_by(of).values_list(of, "n")
    counts = dict(found)
    return [min(counts.get(key, 0), limit) for key in keys]
