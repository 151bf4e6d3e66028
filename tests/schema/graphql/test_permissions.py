"""Field permissions: the directives are enforced."""

from typing import Any

import pytest

from models.permissions.principal import Principal
from schema.context import GraphQLContext
from schema.graphql.permissions import guarded_non_null_fields, undeclared_fields, undescribed_members
from tests.schema.sample_library import OUTSIDER, READER, build


async def _run(query: str, principal: Principal | None = READER) -> Any:
    return await build().execute(query, context_value=GraphQLContext(principal=principal))


def _codes(result: Any) -> list[str]:
    return [error.extensions["code"] for error in result.errors or ()]


async def test_anyone_can_read_public_field() -> None:
    result = await _run("{ hello books(first: 1) { id title } }", None)

    assert result.errors is None
    assert result.data["books"][0]["title"] == "Book 1"


async def test_guarded_field_needs_permission() -> None:
    assert (await _run("{ secret books(first: 2) { notes } }")).data["secret"] == "the secret"


async def test_refused_field_is_null_with_one_error() -> None:
    result = await _run("{ books { title notes price } }", OUTSIDER)

    assert {book["notes"] for book in result.data["books"]} == {None}
    assert _codes(result) == ["FORBIDDEN", "FORBIDDEN"]
    assert result.errors[0].message == "Book.notes requires the permission session:view, which you do not hold."


async def test_refused_non_null_field_has_one_error() -> None:
    result = await _run("{ search { ... on Book { cover } ... on Person { name } } books { cover } }", OUTSIDER)

    assert result.data is None
    assert _codes(result) == ["FORBIDDEN"]


async def test_anonymous_caller_is_asked_to_sign_in() -> None:
    result = await _run("{ secret }", None)

    assert _codes(result) == ["UNAUTHENTICATED"]
    assert "sign in" in result.errors[0].message


async def test_field_without_directive_is_always_refused() -> None:
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
async def test_fragments_interfaces_and_unions_do_not_bypass_permissions(query: str) -> None:
    schema = build()
    name = "B" if "query B" in query else None
    result = await schema.execute(query, context_value=GraphQLContext(principal=READER), operation_name=name)

    assert "Met in London" not in str(result.data)
    assert _codes(result) == ["FORBIDDEN"]


async def test_refused_mutation_does_not_run() -> None:
    result = await _run('mutation { bookRename(title: "boom") { book { id } } }', OUTSIDER)

    assert _codes(result) == ["FORBIDDEN"]


async def test_introspection_requires_sign_in() -> None:
    query = "{ __schema { types { name fields { name } } } }"

    assert (await _run(query)).errors is None
    assert _codes(await _run(query, None)) == ["UNAUTHENTICATED"]
    assert (await _run("{ __typename }", None)).data == {"__typename": "Query"}


async def test_foreign_context_allows_nothing() -> None:
    result = await build().execute("{ hello }", context_value={})

    assert _codes(result) == ["FORBIDDEN"]


async def test_permissions_are_checked_for_each_cached_document_caller() -> None:
    schema = build()

    async def secret(principal: Principal | None) -> Any:
        return (await schema.execute("{ secret }", context_value=GraphQLContext(principal=principal))).data

    assert await secret(READER) == {"secret": "the secret"}
    assert await secret(OUTSIDER) == {"secret": None}
    assert await secret(READER) == {"secret": "the secret"}


def test_undeclared_fields_are_found() -> None:
    schema = build()

    assert undeclared_fields(schema) == ["Book.raw", "Subscription.undeclared"]
    assert "Book.cover" in guarded_non_null_fields(schema)
    assert undescribed_members(schema) == []
