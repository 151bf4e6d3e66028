"""The whole schema: every field is guarded and described, and the committed SDL is current."""

from pathlib import Path

import pytest
from graphql import GraphQLObjectType, build_schema, validate_schema

from schema import app, example_queries
from schema.graphql.errors import Payload, UserError
from schema.graphql.permissions import guarded_non_null_fields, undeclared_fields, undescribed_members
from schema.graphql.sdl import print_sdl
from schema.root import schema
from tests.schema.api import Api

COMMITTED = Path(app.__file__).parent / "schema.graphql"


def test_every_field_declares_its_permission() -> None:
    assert undeclared_fields(schema) == [], "Declare it with @requires or @public."


def test_guarded_field_is_nullable() -> None:
    assert guarded_non_null_fields(schema) == [], "A refusal there would take its whole object away."


def test_every_definition_has_a_description() -> None:
    assert undescribed_members(schema) == [], "Add a description."


def test_descriptions_are_sentences() -> None:
    kinds = schema._schema.type_map.items()
    bare = [name for name, kind in kinds if kind.description and not kind.description.strip().endswith((".", ")"))]

    assert [name for name in bare if not name.startswith("__") and name not in {"JSON", "DateTime"}] == []


def test_committed_sdl_is_current() -> None:
    assert COMMITTED.read_text() == print_sdl(schema) == app.SDL, "Run: carrel schema > schema/schema.graphql"


def test_sdl_is_valid() -> None:
    built = build_schema(app.SDL)

    assert validate_schema(built) == []


def test_every_mutation_payload_has_errors() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        assert isinstance(field.type, GraphQLObjectType), name
        assert field.type.name.endswith("Payload"), name
        assert str(field.type.fields["errors"].type) == f"[{UserError.__name__}!]!", name
    assert Payload.__subclasses__()


async def test_sdl_is_served(api: Api) -> None:
    response = await api.http.get("/schema.graphql")

    assert (response.status_code, response.text) == (200, app.SDL)


@pytest.mark.parametrize("tab", example_queries.TABS, ids=lambda tab: tab.name[:30])
def test_every_tab_is_named_and_lists_its_variables(tab: example_queries.ExplorerTab) -> None:
    assert tab.query.strip()
    assert all(f"${name}" in tab.query for name in tab.variables)
