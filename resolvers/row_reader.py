"""Reads of the rows of one noun with the caller's permissions. Each noun's resolver module has its reader."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.permissions.principal import Principal
from resolvers.guards import visible

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class RowReader(Generic[M]):
    """Reads rows of one table. Rows that the caller cannot see are absent or NOT_FOUND."""

    rows: Callable[[Principal], QuerySet[M]]
    """Returns the rows that a principal can see, for pages and filters."""

    async def read_many(self, principal: Principal, keys: Sequence[int]) -> dict[int, M]:
        """Return the rows with these keys, by key."""
        return {row.pk: row for row in await self.rows(principal).filter(id__in=list(keys))}

    async def require_visible(self, principal: Principal, key: int) -> M:
        """Return the row with this key; NotFound if there is none."""
        return await visible(self.rows(principal), key)
