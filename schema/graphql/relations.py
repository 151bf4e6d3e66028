"""Fields that a loader answers: for many rows at once in a list, one by one elsewhere, always by one statement."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from tortoise.queryset import QuerySet

from resolvers.loaders.dataloader import Loader
from resolvers.paging.counts import counted_each
from resolvers.paging.keyset import Page, Sort, Window
from resolvers.paging.nested_pages import pages
from schema.context import Context, Info
from schema.execution.field_readers import MANY
from schema.graphql.connection import Connection


def by(column: str, loader: str, seen: Callable[[Any, Any], Any] | None = None) -> dict[str, Any]:
    """Return the options, for `requires` and `public`, of a field that shows what a loader has for a row's column.

    The loader is an attribute of `Loaders` (resolvers.loaders). Where the column is null, so is the field. With `seen`,
    a function of the row and the value, the field shows what that makes of the value.
    """
    key_of, loader_of = attrgetter(column), attrgetter(loader)

    async def one(self: Any, info: Info):  # type: ignore[no-untyped-def]
        key = key_of(self)
        value = None if key is None else await loader_of(info.context.loaders).load(key)
        return seen(self, value) if seen and value is not None else value

    async def many(rows: Sequence[Any], context: Context) -> list[Any]:
        values = await read(rows, context)
        if seen is None:
            return values
        return [value if _is_nothing(value) else seen(row, value) for row, value in zip(rows, values, strict=True)]

    async def read(rows: Sequence[Any], context: Context) -> list[Any]:
        keys = list(map(key_of, rows))
        known: Loader[Any, Any] = loader_of(context.loaders)
        if None not in keys:
            return await known.many(keys)
        found = dict.fromkeys(key for key in keys if key is not None)
        values = dict(zip(found, await known.many(list(found)), strict=True))
        return [values.get(key) for key in keys]

    return {"resolver": one, "metadata": {MANY: many}}


def _is_nothing(value: Any) -> bool:
    return value is None or isinstance(value, Exception)


async def connect_within(
    info: Info, rows: QuerySet[Any], of: str, key: int, order: Sequence[Sort], window: Window
) -> Connection[Any]:
    """Read one page of those `rows` whose column `of` has the key, for a connection field of a row.

    The connections of all rows of an answer are read together, and so are their counts: `rows` differ between them by
    nothing else than the key.
    """
    loaders, raw = info.context.loaders, info._raw_info
    asked = (raw.parent_type.name, id(raw.field_nodes[0]))

    async def read(keys: Sequence[int]) -> Sequence[Page[Any]]:
        return await pages(rows, of, keys, order, window)

    async def count(keys: Sequence[int]) -> Sequence[int]:
        return await counted_each(rows, of, keys)

    page = await loaders.other(("page", asked), read).load(key)
    return Connection(page=page, count=lambda: loaders.other(("count", asked), count).load(key))
