"""Shared reads of current rows for subscriptions. Each subscriber gets a row only with its own permissions."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar

from tortoise.models import Model

from core.concurrency.batch_loader import BatchLoader
from models.accounts.roles import PermissionVerb
from models.permissions.principal import Principal
from models.policies.row_access import RowAccess

M = TypeVar("M", bound=Model)
T = TypeVar("T")
RowKey = tuple[type[Model], int]
VisibilityKey = tuple[RowAccess[Any], Principal, int]


class LiveRowReader:
    """Coalesces the reads of all subscriptions of one process."""

    def __init__(self) -> None:
        self._rows = BatchLoader[RowKey, Model](_read_rows)
        self._visibility = BatchLoader[VisibilityKey, bool](_read_visibility)
        self._others = BatchLoader[Hashable, Any](self._read)
        self._reads: dict[Hashable, Callable[[], Awaitable[Any]]] = {}

    async def row(self, access: RowAccess[M], principal: Principal, key: int) -> M | None:
        """Return the row with this key if the principal can see it. Concurrent callers get the same object."""
        row: Any = await self._rows.load((access.model, key))
        if row is None:
            return None
        try:
            visible = access.allows_without_query(principal, PermissionVerb.VIEW, row)
        except LookupError:  # The row alone does not decide it, so the database is asked for each principal.
            visible = bool(await self._visibility.load((access, principal, key)))
        return row if visible else None

    async def read_once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return the value of `read()`. Concurrent callers with the same key get the same object from one call."""
        self._reads[key] = read
        value: T = await self._others.load(key)  # type: ignore[assignment]
        return value

    async def _read(self, keys: Collection[Hashable]) -> Mapping[Hashable, Any]:
        reads = {key: self._reads.pop(key) for key in keys}
        return {key: await read() for key, read in reads.items()}


async def _read_rows(keys: Collection[RowKey]) -> Mapping[RowKey, Model]:
    wanted: defaultdict[type[Model], set[int]] = defaultdict(set)
    for model, key in keys:
        wanted[model].add(key)
    return {(model, row.pk): row for model, pks in wanted.items() for row in await model.filter(pk__in=sorted(pks))}


async def _read_visibility(keys: Collection[VisibilityKey]) -> Mapping[VisibilityKey, bool]:
    return {
        (access, principal, key): await access.rows(principal, PermissionVerb.VIEW).filter(id=key).exists()
        for access, principal, key in keys
    }
