"""Lists of objects, breadth first: one field for all rows, then the next, with the answers of graphql-core.

A list whose rows are plain objects of one type is a table; its fields are columns. Plain attributes are read by one
call for all rows, relations by one for all rows and all of their levels, and only what is neither row by row. Whatever
is not plain (a null, an error, a promise, a row of another type among them) is left to graphql-core as it was.

An answer that is an exception stands for an object whose non-null field failed; whoever holds it decides what is null.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import GeneratorType
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, Undefined, get_nullable_type, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.awaitables import promises
from schema.execution.field_readers import Lane, ReadMany

Place = Callable[[int], Path]
"""Where the row with this number stands in the answer."""
Column = list[Any]
Info = GraphQLResolveInfo[Any]
TYPENAME = "__typename"


class BreadthFirst(StrawberryGraphQLCoreExecutionContext):
    """Executes lists of objects column by column."""

    def lanes_of(self, kind: GraphQLObjectType) -> Mapping[str, Lane]:
        """Return the fields of the type that are plain attributes which may be read; a subclass knows."""
        raise NotImplementedError

    def many_of(self, kind: GraphQLObjectType) -> Mapping[str, ReadMany]:
        """Return the fields of the type that may be read for many rows at once; a subclass knows."""
        raise NotImplementedError

    def complete_iterable_value(
        self,
        item_type: Any,
        field_details_list: FieldDetailsList,
        info: Info,
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        """Complete a list: one of plain objects by columns, any other as graphql-core does."""
        kind = get_nullable_type(item_type)
        if isinstance(kind, GraphQLObjectType):
            rows = items = items if isinstance(items, list) else list(items)
            if rows and self._are_plain(kind, rows, info):
                place = partial(_item_of, path)
                done = self._table(kind, field_details_list, rows, place)
                if isinstance(done, list):
                    return self._settled(item_type, field_details_list, place, done)
                return self._settled_later(item_type, field_details_list, place, done)
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    def _are_plain(self, kind: GraphQLObjectType, rows: Sequence[Any], info: Info) -> bool:
        """Say whether all rows are objects of the type, and none an error, a promise or absent."""
        if not all(_is_plain(each) for each in set(map(type, rows))):
            return False
        is_type_of = kind.is_type_of
        return is_type_of is None or all(is_type_of(row, info) is True for row in rows)

    def _table(
        self, kind: GraphQLObjectType, details: FieldDetailsList, rows: Sequence[Any], place: Place
    ) -> Column | Awaitable[Column]:
        """Return an object for each row, or the error of its first field that must not be null and failed."""
        fields = self.collect_subfields(kind, details).grouped_field_set
        columns: dict[str, Any] = {
            name: self._column(kind, rows, place, name, selected)
            for name, selected in fields.items()
            if self.schema.get_field(kind, selected[0].node.name.value)
        }
        late = [name for name, column in columns.items() if not isinstance(column, list)]
        if late:
            return self._table_later(columns, late, len(rows))
        return _objects(columns, len(rows))

    async def _table_later(self, columns: dict[str, Any], late: Sequence[str], size: int) -> Column:
        if len(late) == 1:
            columns[late[0]] = await columns[late[0]]
        else:
            columns.update(zip(late, await asyncio.gather(*(columns[name] for name in late)), strict=True))
        return _objects(columns, size)

    def _column(
        self, kind: GraphQLObjectType, rows: Sequence[Any], place: Place, name: str, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        field = details[0].node.name.value
        if field == TYPENAME:
            return [kind.name] * len(rows)
        if lane := self.lanes_of(kind).get(field):
            try:
                return lane.column(rows)
            except Exception:  # noqa: BLE001, S110 - read again one by one, where each row's error is its own
                pass
        elif read := self.many_of(kind).get(field):
            return self._relation(kind, rows, partial(_field_of, place, name, kind.name), details, read)
        return self._one_by_one(kind, rows, partial(_field_of, place, name, kind.name), details)

    def _one_by_one(
        self, kind: GraphQLObjectType, rows: Sequence[Any], place: Place, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Execute the field of each row as graphql-core does."""
        values: Column = []
        for number, row in enumerate(rows):
            try:
                values.append(self.execute_field(kind, row, details, place(number), None))
            except Exception as error:  # noqa: BLE001 - the row fails and not the table
                values.append(error)
        return self._awaited(values)

    def _awaited(self, values: Column) -> Column | Awaitable[Column]:
        late = [number for number, value in enumerate(values) if self.is_awaitable(value)]
        return _all_of(values, late) if late else values

    def _relation(
        self, kind: GraphQLObjectType, rows: Sequence[Any], place: Place, details: FieldDetailsList, read: ReadMany
    ) -> Column | Awaitable[Column]:
        """Read the field for all rows by one call, and complete what came."""
        try:
            values = read(rows, self.context_value)
        except Exception as error:  # noqa: BLE001 - the field fails, for every row
            values = [error] * len(rows)
        if self.is_awaitable(values):
            return self._relation_later(kind, len(rows), place, details, values)
        return self._completed(kind, list(values), place, details)  # type: ignore[arg-type]

    async def _relation_later(
        self, kind: GraphQLObjectType, size: int, place: Place, details: FieldDetailsList, reading: Awaitable[Any]
    ) -> Column:
        try:
            values = list(await reading)
        except Exception as error:  # noqa: BLE001 - the field fails, for every row
            values = [error] * size
        done = self._completed(kind, values, place, details)
        return done if isinstance(done, list) else await done

    def _completed(
        self, kind: GraphQLObjectType, values: Column, place: Place, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Complete the values of one field; those that are plain objects of its type are a table again."""
        field = self.schema.get_field(kind, details[0].node.name.value)
        info = self.build_resolve_info(field, [each.node for each in details], kind, place(0))  # type: ignore[arg-type]
        below = get_nullable_type(info.return_type)
        held = [number for number, value in enumerate(values) if value is not None]
        rows = values if len(held) == len(values) else [values[number] for number in held]
        if not isinstance(below, GraphQLObjectType) or not self._are_plain(below, rows, info):
            return self._completed_singly(info, values, place, details)
        if len(held) < len(values) and is_non_null_type(info.return_type):
            return self._completed_singly(info, values, place, details)
        if not rows:
            return values
        done = self._table(below, details, rows, lambda number: place(held[number]))
        if isinstance(done, list):
            return self._spread(info, details, place, held, done, len(values))
        return self._spread_later(info, details, place, held, done, len(values))

    def _spread(
        self,
        info: Info,
        details: FieldDetailsList,
        place: Place,
        held: Sequence[int],
        done: Column,
        size: int,
    ) -> Column:
        values: Column = [None] * size
        for number, value in zip(held, done, strict=True):
            values[number] = self._caught(value, info.return_type, details, place(number)) if _failed(value) else value
        return values

    async def _spread_later(
        self,
        info: Info,
        details: FieldDetailsList,
        place: Place,
        held: Sequence[int],
        done: Awaitable[Column],
        size: int,
    ) -> Column:
        return self._spread(info, details, place, held, await done, size)

    def _completed_singly(
        self, info: Info, values: Column, place: Place, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Complete each value as graphql-core does."""
        return self._awaited([self._completed_one(info, value, place(n), details) for n, value in enumerate(values)])

    def _completed_one(self, info: Info, value: Any, path: Path, details: FieldDetailsList) -> Any:
        try:
            if self.is_awaitable(value):
                return self.complete_awaitable_value(info.return_type, details, info, path, value, None)
            completed = self.complete_value(info.return_type, details, info, path, value, None)
        except Exception as error:  # noqa: BLE001 - the field fails and not the table
            return self._caught(error, info.return_type, details, path)
        return self._caught_later(completed, info, path, details) if self.is_awaitable(completed) else completed

    async def _caught_later(self, value: Awaitable[Any], info: Info, path: Path, details: FieldDetailsList) -> Any:
        try:
            return await value
        except Exception as error:  # noqa: BLE001 - the field fails and not the table
            return self._caught(error, info.return_type, details, path)

    def _caught(self, error: Exception, kind: Any, details: FieldDetailsList, path: Path) -> Exception | None:
        """Note the error of a field that may be null; return that of one that may not."""
        try:
            self.handle_field_error(error, kind, details, path)
        except Exception as located:  # noqa: BLE001 - it goes up as a value
            return located
        return None

    def _settled(self, item_type: Any, details: FieldDetailsList, place: Place, objects: Column) -> Column:
        for number, each in enumerate(objects):
            if _failed(each):
                self.handle_field_error(each, item_type, details, place(number))
                objects[number] = None
        return objects

    async def _settled_later(
        self, item_type: Any, details: FieldDetailsList, place: Place, objects: Awaitable[Column]
    ) -> Column:
        return self._settled(item_type, details, place, await objects)


async def _all_of(values: Column, late: Sequence[int]) -> Column:
    done = await asyncio.gather(*(values[number] for number in late), return_exceptions=True)
    for number, value in zip(late, done, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            raise value
        values[number] = value
    return values


def _objects(columns: dict[str, Column], size: int) -> Column:
    """Return the objects whose fields are the columns, or their first error."""
    if not columns:
        return [{} for _ in range(size)]
    objects: Column = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for column in columns.values():
        if any(issubclass(kind, Exception) for kind in set(map(type, column))):
            _mark(objects, column)
    return objects


def _mark(objects: Column, column: Column) -> None:
    for number, value in enumerate(column):
        if _failed(value) and not _failed(objects[number]):
            objects[number] = value


def _failed(value: object) -> bool:
    return isinstance(value, Exception)


def _is_plain(kind: type) -> bool:
    return not issubclass(kind, (Exception, GeneratorType, type(None), type(Undefined))) and not promises(kind)


def _item_of(path: Path, number: int) -> Path:
    return path.add_key(number, None)


def _field_of(place: Place, name: str, kind: str, number: int) -> Path:
    return Path(place(number), name, kind)
