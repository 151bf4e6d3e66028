"""Definitions of lists: their columns exist, and their fields have the arguments of connections."""

import sys
from collections.abc import AsyncIterator, Sequence

import pytest
from strawberry.types.field import StrawberryField
from tortoise.contrib.test import tortoise_test_context

from models.accounts.roles import Resource
from models.permissions.principal import Principal, PrincipalKind
from models.tables import TABLES
from resolvers.paging.keyset import Sort
from schema.graphql.connection import Direction
from schema.graphql.filters import StringFilter, Where, filter_by, where_input
from schema.graphql.list_definition import ListDefinition, ParentArgument
from schema.root import schema
from tests.schema.graphql.test_connection import Card, CardType

CALLER = Principal(PrincipalKind.USER, 1, frozenset())
PAGE_ARGUMENTS = ["where", "order_by", "first", "after", "last", "before"]


@where_input("boxes")
class BoxWhere(Where):
    """Conditions."""

    title: StringFilter | None = filter_by("Filter by title.")
    colour: StringFilter | None = filter_by("Filter by kind.", "kind")


def _boxes(default: Sort) -> ListDefinition[Card]:
    return ListDefinition(
        CardType,
        BoxWhere,
        lambda _principal: Card.all(),
        {"title": "The title.", "kind": "The kind."},
        default,
        plural="boxes",
        default_text="by title",
    )


BOXES = _boxes(Sort("title"))


def _definitions() -> Sequence[ListDefinition[Card]]:
    modules = [module for name, module in sys.modules.items() if name.startswith("schema.")]
    found = {each for module in modules for each in vars(module).values() if isinstance(each, ListDefinition)}
    return sorted(found, key=lambda each: each.kind.__name__)


@pytest.fixture
async def tables() -> AsyncIterator[None]:
    async with tortoise_test_context(list(TABLES.modules)):
        yield


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("definition", _definitions(), ids=lambda each: each.kind.__name__)
async def test_every_sort_column_and_filter_exists_in_the_table(definition: ListDefinition[Card]) -> None:
    columns = definition.rows(CALLER).model._meta.fields_map

    assert {column.value for column in definition.columns} <= columns.keys()
    assert {spec.column for spec in definition.where.filters.values()} <= columns.keys()
    assert definition.default.column in columns


def test_every_list_of_the_schema_has_a_definition() -> None:
    connections = {name for name in schema._schema.type_map if name.endswith("Connection")}

    assert connections == {f"{each.kind.__name__}Connection" for each in _definitions()}


def test_column_enum_has_a_member_for_each_column() -> None:
    assert BOXES.columns.__name__ == "BoxColumn"
    assert {member.name: member.value for member in BOXES.columns} == {"TITLE": "title", "KIND": "kind"}


@pytest.mark.parametrize(
    ("default", "direction"), [(Sort("title"), Direction.ASC), (Sort("id", descending=True), Direction.DESC)]
)
def test_sort_direction_defaults_to_that_of_the_default_order(default: Sort, direction: Direction) -> None:
    definition = _boxes(default)
    order = definition.order(field=definition.columns("title"))

    assert order.direction is direction


def test_field_has_the_arguments_of_connections() -> None:
    field: StrawberryField = BOXES.field(Resource.SESSION, description="All boxes.")

    assert [argument.python_name for argument in field.arguments] == PAGE_ARGUMENTS


def test_field_with_a_parent_has_the_argument_of_first() -> None:
    parent = ParentArgument[Card]("Only those of this object.", lambda rows, _kind, _key: rows)
    field: StrawberryField = BOXES.field(Resource.SESSION, description="All boxes.", parent=parent)

    assert [argument.python_name for argument in field.arguments] == ["of", *PAGE_ARGUMENTS]


def test_filter_has_the_column_with_its_name_or_the_given_one() -> None:
    assert {name: spec.column for name, spec in BoxWhere.filters.items()} == {"title": "title", "colour": "kind"}
