"""Rows as they are at one moment: all who follow the same one read it together, each with rights of its own."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Any, TypeVar

from tortoise.models import Model

from core.concurrency.coalescing import Together
from models.accounts.roles import Operation
from models.permissions.principal import Principal
from models.policies.row_access import Reach

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Row = tuple[type[Model], int]
Sight = tuple[Reach[Any], Principal, int]


class Present:
    """The present state of what the streams of one process follow."""

    def __init__(self) -> None:
        self._rows = Together[Row, Model](_rows)
        self._sights = Together[Sight, bool](_sights)
        self._others = Together[Hashable, Any](self._read)
        self._reads: dict[Hashable, Callable[[], Awaitable[Any]]] = {}

    async def row(self, reach: Reach[M], principal: Principal, key: int) -> M | None:
        """Return the row with this key, if the principal sees it; who asks in the same moment gets the same object.

        Most nouns' rows say by themselves who sees them; for the others the database is asked once for each caller.
        """
        row: Any = await self._rows.ask((reach.model, key))
        if row is None:
            return None
        try:
            seen = reach.spans(principal, Operation.VIEW, row)
        except LookupError:
            seen = bool(await self._sights.ask((reach, principal, key)))
        return row if seen else None

    async def once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` gives now; who asks with the same key in the same moment gets the same object."""
        self._reads[key] = read
        value: T = await self._others.ask(key)  # type: ignore[assignment]
        return value

    async def _read(self, keys: Collection[Hashable]) -> Mapping[Hashable, Any]:
        reads = {key: self._reads.pop(key) for key in keys}
        return {key: await read() for key, read in reads.items()}


async def _rows(keys: Collection[Row]) -> Mapping[Row, Model]:
    wanted: defaultdict[type[Model], set[int]] = defaultdict(set)
    for model, key in keys:
        wanted[model].add(key)
    return {(model, row.pk): row for model, pks in wanted.items() for row in await model.filter(pk__in=sorted(pks))}


async def _sights(keys: Collection[Sight]) -> Mapping[Sight, bool]:
    return {
        (reach, principal, key): await reach.rows(principal, Operation.VIEW).filter(id=key).exists()
        for reach, principal, key in keys
    }
