"""The exported schema."""

from graphql import build_schema

from schema.graphql.sdl import print_sdl
from tests.schema.sample_library import build


def test_sdl_is_sorted_valid_and_prints_permissions() -> None:
    sdl = print_sdl(build())

    assert build_schema(sdl).get_type("Book") is not None
    assert "notes: String @requires(resource: SESSION, verb: VIEW)" in sdl
    assert sdl.count("directive @requires") == 1
    names = [line.split()[1] for line in sdl.splitlines() if line.startswith("type ")]
    assert names == sorted(names)


def test_sdl_contains_descriptions() -> None:
    assert '"""What readers wrote."""' in print_sdl(build())


def test_printing_does_not_change_schema() -> None:
    schema = build()

    assert print_sdl(schema) == print_sdl(schema)
