"""Filter inputs of `where` arguments. All given operators must match; null means no condition."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from core.errors import BadInput
from models.permissions.principal import Principal
from schema.graphql import node

EnumT = TypeVar("EnumT", bound=StrEnum)
V = TypeVar("V")
W = TypeVar("W", bound="Where")
MAX_DEPTH = 3
"""The maximum nesting depth of AND, OR and NOT."""
MAX_LIST_LENGTH = 100
"""The maximum length of a `oneOf` list or a list of conditions."""


@strawberry.input(description="Conditions on a string.")
class StringFilter:
    """Conditions on a string column."""

    eq: str | None = strawberry.field(description="Equal to this string.", default=None)
    one_of: list[str] | None = strawberry.field(
        description=f"Equal to one of these strings, at most {MAX_LIST_LENGTH}.", default=None
    )
    contains: str | None = strawberry.field(description="Contains this string, ignoring case.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of) & _compare(column, icontains=self.contains)


@strawberry.input(description="Conditions on a time.")
class DateTimeFilter:
    """Conditions on a time column."""

    gte: datetime | None = strawberry.field(description="At or after this time.", default=None)
    lt: datetime | None = strawberry.field(description="Before this time.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, gte=self.gte, lt=self.lt)


@strawberry.input(description="Conditions on an enum value.")
class EnumFilter(Generic[EnumT]):
    """Conditions on an enum column."""

    eq: EnumT | None = strawberry.field(description="Equal to this value.", default=None)
    one_of: list[EnumT] | None = strawberry.field(description="Equal to one of these values.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _equal(column, self.eq, self.one_of)


@strawberry.input(description="A condition on a boolean.")
class BooleanFilter:
    """A condition on a boolean column."""

    eq: bool | None = strawberry.field(description="Equal to this value.", default=None)

    def condition(self, column: str) -> Q:
        """Return the condition on `column`."""
        return _compare(column, **{"": self.eq})


@strawberry.input(description="Conditions on a related object.")
class IdFilter:
    """Conditions on a foreign key, by global ID."""

    eq: strawberry.ID | None = strawberry.field(description="This object.", default=None)
    one_of: list[strawberry.ID] | None = strawberry.field(
        description=f"One of these objects, at most {MAX_LIST_LENGTH}.", default=None
    )

    def condition(self, column: str, kind: str, visible: QuerySet[Any]) -> Q:
        """Return the condition on `column`, a foreign key to objects of type `kind`.

        Objects outside `visible` never match, so that a filter does not reveal references to hidden objects.
        """
        one = None if self.eq is None else self._key(column, "eq", kind, self.eq)
        many = None if self.one_of is None else [self._key(column, "oneOf", kind, each) for each in self.one_of]
        if one is None and many is None:
            return Q()
        return _equal(column, one, many) & _compare(column, **{"in": Subquery(visible.values("id"))})

    def _key(self, column: str, operator: str, kind: str, text: str) -> int:
        return node.decode_as(kind, text, path=("where", column, operator))


@dataclass(frozen=True)
class FilterSpec:
    """The column that a field of a `where` input filters, and for a foreign key its type and the visible objects."""

    column: str
    kind: str = ""
    visible: Callable[[Principal], QuerySet[Any]] | None = None

    def condition(self, given: Any, principal: Principal) -> Q:
        """Return the condition of the given filter."""
        if self.visible is None:
            condition: Q = given.condition(self.column)
            return condition
        by_id: IdFilter = given
        return by_id.condition(self.column, self.kind, self.visible(principal))


FILTER_SPEC = "filter_spec"
"""The metadata key of a field's `FilterSpec`."""


def filter_by(description: str, column: str = "") -> Any:
    """Declare a filter on a column, by default the one with the field's name."""
    return strawberry.field(description=description, default=None, metadata={FILTER_SPEC: FilterSpec(column)})


def filter_by_id(description: str, kind: str, visible: Callable[[Principal], QuerySet[Any]], column: str = "") -> Any:
    """Declare a filter on a foreign key to objects of type `kind`, by default the column `<field>_id`."""
    metadata = {FILTER_SPEC: FilterSpec(column, kind, visible)}
    return strawberry.field(description=description, default=None, metadata=metadata)


class Where:
    """The base of `where` inputs: conditions on columns, and AND, OR and NOT of nested inputs. See `where_input`."""

    filters: ClassVar[Mapping[str, FilterSpec]]
    """The filters by the name of their field."""
    and_: list[Self] | None
    or_: list[Self] | None
    not_: Self | None

    def condition(self, principal: Principal, *, depth: int = 1) -> Q:
        """Return the condition, limited to related objects that the principal can see."""
        if depth > MAX_DEPTH:
            raise BadInput(f"AND, OR and NOT can be nested at most {MAX_DEPTH} levels deep.", path=("where",))
        given = ((spec, getattr(self, name)) for name, spec in self.filters.items())
        condition = Q(*(spec.condition(value, principal) for spec, value in given if value))
        for each in _bounded("AND", self.and_):
            condition &= each.condition(principal, depth=depth + 1)
        alternatives = [each.condition(principal, depth=depth + 1) for each in _bounded("OR", self.or_)]
        if alternatives:
            condition &= Q(*alternatives, join_type=Q.OR)
        return condition if self.not_ is None else condition & ~self.not_.condition(principal, depth=depth + 1)


@dataclass_transform(kw_only_default=True, field_specifiers=(filter_by, filter_by_id))
def where_input(objects: str) -> Callable[[type[W]], type[W]]:
    """Make a subclass of `Where` the GraphQL input of conditions on these objects, with AND, OR and NOT."""

    def decorate(cls: type[W]) -> type[W]:
        cls.filters = {name: _located(name, spec) for name, spec in _declared_filters(cls)}
        _add_field(cls, "and_", list[cls] | None, "AND", "All of these conditions must be true.")  # type: ignore[valid-type]
        _add_field(cls, "or_", list[cls] | None, "OR", "At least one of these conditions must be true.")  # type: ignore[valid-type]
        _add_field(cls, "not_", cls | None, "NOT", "This condition must be false.")
        made: type[W] = strawberry.input(cls, description=f"Conditions on {objects}. All must be true.")
        return made

    return decorate


def _declared_filters(cls: type[Where]) -> Iterator[tuple[str, FilterSpec]]:
    for name, value in vars(cls).items():
        if isinstance(value, StrawberryField) and FILTER_SPEC in value.metadata:
            yield name, value.metadata[FILTER_SPEC]


def _located(name: str, spec: FilterSpec) -> FilterSpec:
    return replace(spec, column=spec.column or (f"{name}_id" if spec.visible else name))


def _add_field(cls: type[Where], name: str, annotation: object, graphql_name: str, description: str) -> None:
    cls.__annotations__[name] = annotation
    setattr(cls, name, strawberry.field(name=graphql_name, description=description, default=None))


def _equal(column: str, one: object | None, many: Sequence[object] | None) -> Q:
    return _compare(column, **{"": one, "in": None if many is None else _bounded("oneOf", many)})


def _compare(column: str, **operators: object | None) -> Q:
    present = {operator: value for operator, value in operators.items() if value is not None}
    conditions: dict[str, Any] = {
        f"{column}__{operator}" if operator else column: present[operator] for operator in present
    }
    # A comparison with NULL is unknown, and so is its negation under NOT. IS NOT NULL makes it false instead.
    return Q(**(conditions | {f"{column}__isnull": False})) if conditions else Q()


def _bounded(operator: str, values: Sequence[V] | None) -> Sequence[V]:
    if values is not None and len(values) > MAX_LIST_LENGTH:
        raise BadInput(f"{operator} takes at most {MAX_LIST_LENGTH} entries; you sent {len(values)}.", path=("where",))
    return values or ()
