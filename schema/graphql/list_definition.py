"""The definition of a list: its sort columns, filters, default order and rows. Root and nested fields come from it.

A definition makes the enum of the sort columns, the input of `orderBy`, and fields with the arguments of connections.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import Parameter, Signature
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

from models.accounts.roles import PermissionVerb, Resource
from models.permissions.principal import Principal
from resolvers.paging.keyset import Sort, Window
from schema.context import Info
from schema.graphql import node
from schema.graphql.connection import After, Before, Connection, Direction, First, Last, connect, sort_keys
from schema.graphql.enums import graphql_enum
from schema.graphql.filters import Where
from schema.graphql.permissions import requires
from schema.graphql.relations import connect_nested

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class ParentArgument(Generic[M]):
    """The argument `of` of a list: an object of any type that the listed rows belong to."""

    description: str
    restrict: Callable[[QuerySet[M], str, int], QuerySet[M]]
    """Returns the rows of the object, from all rows, the object's type and its primary key."""


class ListDefinition(Generic[M]):
    """A list of objects of one type."""

    def __init__(
        self,
        kind: type[Any],
        where: type[Where],
        rows: Callable[[Principal], QuerySet[M]],
        columns: Mapping[str, str],
        default: Sort,
        *,
        plural: str,
        default_text: str,
        matched: str = "objects",
    ) -> None:
        """Define the list of `rows` of the GraphQL type `kind`.

        `columns` maps each sort column to its description. `plural` names the objects in descriptions of the sort
        order, `matched` in that of `where`. `default_text` describes the default order.
        """
        self.kind, self.where, self.rows, self.default = kind, where, rows, default
        noun = where.__name__.removesuffix("Where")
        self.columns = _column_enum(noun, columns, plural)
        self.order = _order_input(noun, self.columns, plural, descending=default.descending)
        where_text = f"Return only the {matched} that match this filter."
        order_text = f"The sort order. The default is {default_text}."
        self._arguments = [
            _argument("where", where, where_text),
            _argument("order_by", list[self.order], order_text),  # type: ignore[name-defined]
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=each) for name, each in PAGE.items()),
        ]

    def field(self, resource: Resource, *, description: str, parent: ParentArgument[M] | None = None) -> Any:
        """Return a field with a page of the list, for callers who may view the resource.

        `parent` adds the argument `of`.
        """

        async def resolve(_self: Any, info: Info, **given: Any) -> Connection[Any]:
            found = self.rows(info.context.caller)
            if parent is not None and given.get("of") is not None:
                found = parent.restrict(found, *node.decode(given["of"]))
            order = sort_keys(given.get("order_by"), self.default)
            return await connect(found.filter(_condition(info, given)), order, _window(given))

        extra = [_argument("of", strawberry.ID, parent.description)] if parent else []
        return self._requires(resource, description, resolve, extra)

    def nested_field(self, resource: Resource, column: str, *, description: str, default: Sort | None = None) -> Any:
        """Return a field with a page of the rows whose `column` has the primary key of the object.

        The pages of all objects of a response are read together. `default` replaces the default order.
        """

        async def resolve(parent: Any, info: Info, **given: Any) -> Connection[Any]:
            found = self.rows(info.context.caller).filter(_condition(info, given))
            order = sort_keys(given.get("order_by"), default or self.default)
            return await connect_nested(info, found, column, parent.pk, order, _window(given))

        return self._requires(resource, description, resolve)

    def _requires(
        self, resource: Resource, description: str, resolve: Callable[..., Any], extra: Sequence[Parameter] = ()
    ) -> Any:
        info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
        parent = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        page = Connection[self.kind] | None  # type: ignore[name-defined]
        signature = Signature([parent, info, *extra, *self._arguments], return_annotation=page)
        resolve.__signature__ = signature  # type: ignore[attr-defined]
        return requires(resource, PermissionVerb.VIEW, description=description, resolver=resolve)


PAGE: Mapping[str, Any] = {"first": First, "after": After, "last": Last, "before": Before}


def _condition(info: Info, given: Mapping[str, Any]) -> Q:
    where: Where | None = given.get("where")
    return where.condition(info.context.caller) if where else Q()


def _window(given: Mapping[str, Any]) -> Window:
    return Window(**{name: given.get(name) for name in PAGE})


def _argument(name: str, kind: Any, description: str) -> Parameter:
    annotation = Annotated[kind | None, strawberry.argument(description=description)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _column_enum(noun: str, columns: Mapping[str, str], plural: str) -> type[StrEnum]:
    make: Any = StrEnum
    enum: type[StrEnum] = make(f"{noun}Column", {column.upper(): column for column in columns})
    texts = {enum(column): text for column, text in columns.items()}
    return graphql_enum(enum, f"The columns that {plural} can be sorted by.", texts)


def _order_input(noun: str, columns: type[StrEnum], plural: str, *, descending: bool) -> type[Any]:
    direction = Direction.DESC if descending else Direction.ASC
    namespace = {
        "__annotations__": {"field": columns, "direction": Direction},
        "field": strawberry.field(description="The column to sort by."),
        "direction": strawberry.field(description="The sort direction.", default=direction),
    }
    order: type[Any] = strawberry.input(type(f"{noun}Order", (), namespace), description=f"A sort key for {plural}.")
    return order
