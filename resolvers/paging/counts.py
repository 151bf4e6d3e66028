"""How many rows there are, counted no further than anybody wants to know."""

from collections.abc import Sequence
from typing import Any

from tortoise.functions import Count
from tortoise.queryset import QuerySet

from resolvers.paging.sql import around

MOST_COUNTED = 10_000
"""Where counting stops: a larger list says this number."""


async def counted(rows: QuerySet[Any], most: int = MOST_COUNTED) -> int:
    """Return how many rows there are, at most `most`; the database looks at no more of them."""
    (found,) = await around(rows.limit(most), 'SELECT COUNT(*) AS "n" FROM ({rows}) AS "some"')
    return int(found["n"])


async def counted_each(rows: QuerySet[Any], of: str, keys: Sequence[int], most: int = MOST_COUNTED) -> list[int]:
    """Return how many rows have each of the keys in the column `of`, at most `most`, by one statement."""
    among: dict[str, Any] = {f"{of}__in": list(keys)}
    found: Any = await rows.filter(**among).annotate(n=Count("id")).group_by(of).values_list(of, "n")
    counts = dict(found)
    return [min(counts.get(key, 0), most) for key in keys]
