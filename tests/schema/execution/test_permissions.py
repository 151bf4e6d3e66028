"""Field permissions: what the directives say is what happens."""

from typing import Any

import pytest

from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.graphql.permissions import guarded_non_null_fields, undeclared_fields, undescribed
from tests.schema.execution.sample_library import NOBODY, READER, build


async def _run(query: str, principal: Principal | None = READER) -> Any:
    return await build().execute(query, context_value=Context(principal=principal))


def _codes(result: Any) -> list[str]:
    return [error.extensions["code"] for error in result.errors or ()]


async def test_a_public_field_answers_anybody() -> None:
    result = await _run("{ hello books(first: 1) { id title } }", None)

    assert result.errors is None
    assert result.data["books"][0]["title"] == "Book 1"


async def test_a_guarded_field_answers_who_holds_the_permission() -> None:
    assert (await _run("{ secret books(first: 2) { notes } }")).data["secret"] == "the secret"


async def test_a_refused_field_is_null_with_one_error_for_all_rows() -> None:
    result = await _run("{ books { title notes price } }", NOBODY)

    assert {book["notes"] for book in result.data["books"]} == {None}
    assert _codes(result) == ["FORBIDDEN", "FORBIDDEN"]
    assert result.errors[0].message == "Book.notes needs the permission session:view, which you do not hold."


async def test_a_refused_field_that_is_not_nullable_is_told_once_as_well() -> None:
    result = await _run("{ search { ... on Book { cover } ... on Person { name } } books { cover } }", NOBODY)

    assert result.data is None
    assert _codes(result) == ["FORBIDDEN"]


async def test_without_a_caller_the_error_says_to_sign_in() -> None:
    result = await _run("{ secret }", None)

    assert _codes(result) == ["UNAUTHENTICATED"]
    assert "sign in" in result.errors[0].message


async def test_a_field_without_a_directive_is_refused_to_everybody() -> None:
    result = await _run("{ books(first: 1) { raw } }")

    assert result.data == {"books": [{"raw": None}]}
    assert _codes(result) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    "query",
    [
        "{ search { ...P } } fragment P on Person { notes }",
        "{ search { ... on Node { ... on Person { notes } } } }",
        '{ node(id: "UGVyc29uOjE") { ... on Person { secretNotes: notes } } }',
        "{ books(first: 1) { authors { ... @include(if: true) { notes } } } }",
        "query A { hello } query B { books(first: 1) { authors { notes } } }",
    ],
)
async def test_fragments_interfaces_and_unions_open_no_back_door(query: str) -> None:
    schema = build()
    name = "B" if "query B" in query else None
    result = await schema.execute(query, context_value=Context(principal=READER), operation_name=name)

    assert "Met in London" not in str(result.data)
    assert _codes(result) == ["FORBIDDEN"]


async def test_a_refused_mutation_does_not_run() -> None:
    result = await _run('mutation { bookRename(title: "boom") { book { id } } }', NOBODY)

    assert _codes(result) == ["FORBIDDEN"]


async def test_introspection_is_for_known_callers() -> None:
    query = "{ __schema { types { name fields { name } } } }"

    assert (await _run(query)).errors is None
    assert _codes(await _run(query, None)) == ["UNAUTHENTICATED"]
    assert (await _run("{ __typename }", None)).data == {"__typename": "Query"}


async def test_without_a_context_of_ours_nothing_is_allowed() -> None:
    result = await build().execute("{ hello }", context_value={})

    assert _codes(result) == ["FORBIDDEN"]


async def test_each_caller_of_a_cached_document_is_cleared_anew() -> None:
    schema = build()

    async def secret(principal: Principal | None) -> Any:
        return (await schema.execute("{ secret }", context_value=Context(principal=principal))).data

    assert await secret(READER) == {"secret": "the secret"}
    assert await secret(NOBODY) == {"secret": None}
    assert await secret(READER) == {"secret": "the secret"}


def test_the_walk_finds_what_declares_nothing() -> None:
    schema = build()

    assert undeclared_fields(schema) == ["Book.raw", "Subscription.undeclared"]
    assert "Book.cover" in guarded_non_null_fields(schema)
    assert undescribed(schema) == []
