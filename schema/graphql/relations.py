"""Fields and nested connections that read related rows through loaders, one statement for all rows of a list."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from tortoise.queryset import QuerySet

from resolvers.loaders.dataloader import DataLoader
from resolvers.paging.counts import count_each
from resolvers.paging.keyset import Page, Sort, Window
from resolvers.paging.nested_pages import read_pages
from schema.context import Context, Info
from schema.execution.field_readers import BATCH_READER
from schema.graphql.connection import Connection


def loaded_by(column: str, loader: str, transform: Callable[[Any, Any], Any] | None = None) -> dict[str, Any]:
    """Return the options, for `requires` and `public`, of a field whose value a loader reads by a row's column.

    `loader` names an attribute of `Loaders` (resolvers.loaders). If the column is null, so is the field. `transform`,
    a function of the row and the value, is applied to values that exist.
    """
    key_of, loader_of = attrgetter(column), attrgetter(loader)

    async def read_one(self: Any, info: Info):  # type: ignore[no-untyped-def]
        key = key_of(self)
        value = None if key is None else await loader_of(info.context.loaders).load(key)
        return transform(self, value) if transform and value is not None else value

    async def read_many(rows: Sequence[Any], context: Context) -> list[Any]:
        values = await load(rows, context)
        if transform is None:
            return values
        return [value if _is_missing(value) else transform(row, value) for row, value in zip(rows, values, strict=True)]

    async def load(rows: Sequence[Any], context: Context) -> list[Any]:
        keys = list(map(key_of, rows))
        row_loader: DataLoader[Any, Any] = loader_of(context.loaders)
        if None not in keys:
            return await row_loader.load_many(keys)
        distinct = dict.fromkeys(key for key in keys if key is not None)
        values = dict(zip(distinct, await row_loader.load_many(list(distinct)), strict=True))
        return [values.get(key) for key in keys]

    return {"resolver": read_one, "metadata": {BATCH_READER: read_many}}


def _is_missing(value: Any) -> bool:
    return value is None or isinstance(value, Exception)


async def connect_nested(
    info: Info, rows: QuerySet[Any], column: str, key: int, order: Sequence[Sort], window: Window
) -> Connection[Any]:
    """Read one page of the `rows` whose `column` has the key, for a connection field of a row.

    The connections of all rows of a response are read together, and so are their counts. Their `rows` may
    differ only by the key.
    """
    # Loaders are keyed by field node: the same field with other arguments under an alias is another query.
    loaders, raw = info.context.loaders, info._raw_info
    field = (raw.parent_type.name, id(raw.field_nodes[0]))

    async def read(keys: Sequence[int]) -> Sequence[Page[Any]]:
        return await read_pages(rows, column, keys, order, window)

    async def count(keys: Sequence[int]) -> Sequence[int]:
        return await count_each(rows, column, keys)

    page = await loaders.custom(("page", field), read).load(key)
    return Connection(page=page, count=lambda: loaders.custom(("count", field), count).load(key))
