"""Executes lists of objects breadth first: one field for all rows, then the next. Base class of the executor.

A list whose rows are plain objects of one type is a table, with its fields as columns. A plain attribute or a relation
is read by one call for all rows; any other field is executed row by row. A list with a null, an error, an awaitable or
a row of another type is left to graphql-core. The results must equal those of graphql-core.

An exception among the values marks an object whose non-null field failed; the level above decides which value is null.
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

from schema.execution.field_readers import BatchReader, FieldReader, is_awaitable_type

PathOf = Callable[[int], Path]
"""Returns the response path of the row with this number."""
Column = list[Any]
Info = GraphQLResolveInfo[Any]
TYPENAME = "__typename"


class BreadthFirstExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes lists of objects column by column."""

    def field_readers_of(self, kind: GraphQLObjectType) -> Mapping[str, FieldReader]:
        """Return the readers of the type's plain attributes that the caller may read."""
        raise NotImplementedError

    def batch_readers_of(self, kind: GraphQLObjectType) -> Mapping[str, BatchReader]:
        """Return the batch readers of the type's fields that the caller may read."""
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
        """Complete a list of plain objects by columns, any other list by graphql-core."""
        kind = get_nullable_type(item_type)
        if isinstance(kind, GraphQLObjectType):
            rows = items = items if isinstance(items, list) else list(items)
            if rows and self._are_plain(kind, rows, info):
                path_of = partial(_item_path, path)
                result = self._table(kind, field_details_list, rows, path_of)
                if isinstance(result, list):
                    return self._null_failed(item_type, field_details_list, path_of, result)
                return self._null_failed_later(item_type, field_details_list, path_of, result)
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    def _are_plain(self, kind: GraphQLObjectType, rows: Sequence[Any], info: Info) -> bool:
        """Return whether all rows are objects of the type, and none is null, an error or an awaitable."""
        if not all(_is_plain(each) for each in set(map(type, rows))):
            return False
        is_type_of = kind.is_type_of
        return is_type_of is None or all(is_type_of(row, info) is True for row in rows)

    def _table(
        self, kind: GraphQLObjectType, details: FieldDetailsList, rows: Sequence[Any], path_of: PathOf
    ) -> Column | Awaitable[Column]:
        """Return an object for each row, or the error of its first non-null field that failed."""
        fields = self.collect_subfields(kind, details).grouped_field_set
        columns: dict[str, Any] = {
            name: self._column(kind, rows, path_of, name, selected)
            for name, selected in fields.items()
            if self.schema.get_field(kind, selected[0].node.name.value)
        }
        pending = [name for name, column in columns.items() if not isinstance(column, list)]
        if pending:
            return self._table_later(columns, pending, len(rows))
        return _build_objects(columns, len(rows))

    async def _table_later(self, columns: dict[str, Any], pending: Sequence[str], size: int) -> Column:
        if len(pending) == 1:
            columns[pending[0]] = await columns[pending[0]]
        else:
            columns.update(zip(pending, await asyncio.gather(*(columns[name] for name in pending)), strict=True))
        return _build_objects(columns, size)

    def _column(
        self, kind: GraphQLObjectType, rows: Sequence[Any], path_of: PathOf, name: str, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        field = details[0].node.name.value
        if field == TYPENAME:
            return [kind.name] * len(rows)
        if reader := self.field_readers_of(kind).get(field):
            try:
                return reader.read_all(rows)
            except Exception:  # noqa: BLE001, S110 - read again one by one, where each row's error is its own
                pass
        elif read := self.batch_readers_of(kind).get(field):
            return self._read_relation(kind, rows, partial(_field_path, path_of, name, kind.name), details, read)
        return self._one_by_one(kind, rows, partial(_field_path, path_of, name, kind.name), details)

    def _one_by_one(
        self, kind: GraphQLObjectType, rows: Sequence[Any], path_of: PathOf, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Let graphql-core execute the field of each row."""
        values: Column = []
        for number, row in enumerate(rows):
            try:
                values.append(self.execute_field(kind, row, details, path_of(number), None))
            except Exception as error:  # noqa: BLE001 - the row fails and not the table
                values.append(error)
        return self._await_all(values)

    def _await_all(self, values: Column) -> Column | Awaitable[Column]:
        pending = [number for number, value in enumerate(values) if self.is_awaitable(value)]
        return _gather(values, pending) if pending else values

    def _read_relation(
        self,
        kind: GraphQLObjectType,
        rows: Sequence[Any],
        path_of: PathOf,
        details: FieldDetailsList,
        read: BatchReader,
    ) -> Column | Awaitable[Column]:
        """Read the field for all rows by one call, and complete its values."""
        try:
            values = read(rows, self.context_value)
        except Exception as error:  # noqa: BLE001 - the field fails, for every row
            values = [error] * len(rows)
        if self.is_awaitable(values):
            return self._read_relation_later(kind, len(rows), path_of, details, values)
        return self._complete_column(kind, list(values), path_of, details)  # type: ignore[arg-type]

    async def _read_relation_later(
        self, kind: GraphQLObjectType, size: int, path_of: PathOf, details: FieldDetailsList, reading: Awaitable[Any]
    ) -> Column:
        try:
            values = list(await reading)
        except Exception as error:  # noqa: BLE001 - the field fails, for every row
            values = [error] * size
        result = self._complete_column(kind, values, path_of, details)
        return result if isinstance(result, list) else await result

    def _complete_column(
        self, kind: GraphQLObjectType, values: Column, path_of: PathOf, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Complete the values of one field; plain objects of its type form a table again."""
        field = self.schema.get_field(kind, details[0].node.name.value)
        info = self.build_resolve_info(field, [each.node for each in details], kind, path_of(0))  # type: ignore[arg-type]
        below = get_nullable_type(info.return_type)
        present = [number for number, value in enumerate(values) if value is not None]
        rows = values if len(present) == len(values) else [values[number] for number in present]
        if not isinstance(below, GraphQLObjectType) or not self._are_plain(below, rows, info):
            return self._complete_each(info, values, path_of, details)
        if len(present) < len(values) and is_non_null_type(info.return_type):
            return self._complete_each(info, values, path_of, details)
        if not rows:
            return values
        result = self._table(below, details, rows, lambda number: path_of(present[number]))
        if isinstance(result, list):
            return self._scatter(info, details, path_of, present, result, len(values))
        return self._scatter_later(info, details, path_of, present, result, len(values))

    def _scatter(
        self,
        info: Info,
        details: FieldDetailsList,
        path_of: PathOf,
        present: Sequence[int],
        result: Column,
        size: int,
    ) -> Column:
        values: Column = [None] * size
        for number, value in zip(present, result, strict=True):
            values[number] = (
                self._handle_error(value, info.return_type, details, path_of(number)) if _is_error(value) else value
            )
        return values

    async def _scatter_later(
        self,
        info: Info,
        details: FieldDetailsList,
        path_of: PathOf,
        present: Sequence[int],
        result: Awaitable[Column],
        size: int,
    ) -> Column:
        return self._scatter(info, details, path_of, present, await result, size)

    def _complete_each(
        self, info: Info, values: Column, path_of: PathOf, details: FieldDetailsList
    ) -> Column | Awaitable[Column]:
        """Let graphql-core complete each value."""
        return self._await_all([self._complete_one(info, value, path_of(n), details) for n, value in enumerate(values)])

    def _complete_one(self, info: Info, value: Any, path: Path, details: FieldDetailsList) -> Any:
        try:
            if self.is_awaitable(value):
                return self.complete_awaitable_value(info.return_type, details, info, path, value, None)
            completed = self.complete_value(info.return_type, details, info, path, value, None)
        except Exception as error:  # noqa: BLE001 - the field fails and not the table
            return self._handle_error(error, info.return_type, details, path)
        return self._handle_error_later(completed, info, path, details) if self.is_awaitable(completed) else completed

    async def _handle_error_later(
        self, value: Awaitable[Any], info: Info, path: Path, details: FieldDetailsList
    ) -> Any:
        try:
            return await value
        except Exception as error:  # noqa: BLE001 - the field fails and not the table
            return self._handle_error(error, info.return_type, details, path)

    def _handle_error(self, error: Exception, kind: Any, details: FieldDetailsList, path: Path) -> Exception | None:
        """Record the error of a nullable field, or return that of a non-null field."""
        try:
            self.handle_field_error(error, kind, details, path)
        except Exception as located:  # noqa: BLE001 - it goes up as a value
            return located
        return None

    def _null_failed(self, item_type: Any, details: FieldDetailsList, path_of: PathOf, objects: Column) -> Column:
        for number, each in enumerate(objects):
            if _is_error(each):
                self.handle_field_error(each, item_type, details, path_of(number))
                objects[number] = None
        return objects

    async def _null_failed_later(
        self, item_type: Any, details: FieldDetailsList, path_of: PathOf, objects: Awaitable[Column]
    ) -> Column:
        return self._null_failed(item_type, details, path_of, await objects)


async def _gather(values: Column, pending: Sequence[int]) -> Column:
    result = await asyncio.gather(*(values[number] for number in pending), return_exceptions=True)
    for number, value in zip(pending, result, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            raise value
        values[number] = value
    return values


def _build_objects(columns: dict[str, Column], size: int) -> Column:
    """Return an object for each row, with the columns as its fields, or its first error."""
    if not columns:
        return [{} for _ in range(size)]
    objects: Column = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for column in columns.values():
        if any(issubclass(kind, Exception) for kind in set(map(type, column))):
            _mark_failed(objects, column)
    return objects


def _mark_failed(objects: Column, column: Column) -> None:
    for number, value in enumerate(column):
        if _is_error(value) and not _is_error(objects[number]):
            objects[number] = value


def _is_error(value: object) -> bool:
    return isinstance(value, Exception)


def _is_plain(kind: type) -> bool:
    return not issubclass(kind, (Exception, GeneratorType, type(None), type(Undefined))) and not is_awaitable_type(kind)


def _item_path(path: Path, number: int) -> Path:
    return path.add_key(number, None)


def _field_path(path_of: PathOf, name: str, kind: str, number: int) -> Path:
    return Path(path_of(number), name, kind)
