"""Limits: a document that exceeds one is refused before it runs, with one message."""

from typing import Any

import pytest
from graphql import get_introspection_query

from schema.context import GraphQLContext
from schema.execution.document_cache import MAX_CHARACTERS, DocumentCache
from schema.execution.query_cost import QueryLimits
from tests.schema.sample_library import READER, build


async def _run(query: str, limits: QueryLimits | None = None, **variables: Any) -> Any:
    return await build(limits=limits).execute(query, variables, context_value=GraphQLContext(principal=READER))


DOUBLING = (
    "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ... on Query {{ ...F{n + 1} }} }}" for n in range(60))
    + " fragment F60 on Query { a: hello }"
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{" + " hello" * 2100 + " }", "tokens"),
        ("{ books " + "{ authors " * 0 + "{ id } }", None),
        ("{ " + " ".join(f"a{n}: hello" for n in range(31)) + " }", "aliases"),
        ("{ " + " ".join("hello @include(if: true)" for n in range(31)) + " }", "directives"),
        ("{ " + "hello " * 11 + " }", "root fields"),
        ("mutation { " + 'bookRename(title: "x") { book { id } } ' * 6 + " }", "mutations"),
        (DOUBLING, "aliases"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "itself"),
    ],
)
async def test_each_limit_has_its_message(query: str, expected: str | None) -> None:
    result = await _run(query)

    if expected is None:
        assert result.errors is None
    else:
        assert len(result.errors) == 1
        assert expected in result.errors[0].message
        code = "GRAPHQL_VALIDATION_FAILED" if expected == "itself" else "COST_LIMIT"
        assert result.errors[0].extensions["code"] == code


@pytest.mark.parametrize("query", ["{" + " hello" * 2100 + " }", "{ " + "hello " * 11 + " }", DOUBLING])
async def test_exceeded_limit_has_code_cost_limit(query: str) -> None:
    assert (await _run(query)).errors[0].extensions["code"] == "COST_LIMIT"


async def test_depth_counts_through_fragments() -> None:
    query = "{ books(first: 1) { ...B } } fragment B on Book { authors { name } }"

    assert (await _run(query, QueryLimits(depth=3))).errors is None
    assert "3 fields deep; at most 2" in (await _run(query, QueryLimits(depth=2))).errors[0].message


async def test_very_deep_document_is_refused() -> None:
    result = await _run("{ a " * 600 + "}" * 600)

    assert result.errors[0].extensions["code"] in {"GRAPHQL_PARSE_FAILED", "COST_LIMIT", "GRAPHQL_VALIDATION_FAILED"}


async def test_introspection_query_of_graphiql_passes() -> None:
    assert (await _run(get_introspection_query(input_value_deprecation=True))).errors is None


async def test_cost_depends_on_page_sizes_and_variables() -> None:
    query = "query($n: Int = 5) { books(first: $n) { title authors { name } } }"

    assert (await _run(query)).extensions["cost"] == {"requested": 5 * (1 + 3 * 1), "limit": 10_000, "throttle": None}
    assert (await _run(query, n=10)).extensions["cost"]["requested"] == 40


async def test_operation_over_cost_limit_does_not_run() -> None:
    result = await _run("{ books(first: 100) { authors { id } } }", QueryLimits(cost=399))

    assert result.data is None
    assert result.errors[0].extensions["code"] == "COST_LIMIT"
    assert result.extensions["cost"]["requested"] == 400


async def test_document_is_parsed_and_validated_once() -> None:
    schema = build()
    for _ in range(5):
        await schema.execute("{ hello }", context_value=GraphQLContext(principal=READER))

    assert (schema.document_cache.hits, schema.document_cache.misses) == (4, 1)


async def test_several_operations_require_a_name() -> None:
    result = await _run("query A { hello } query B { hello }")

    assert "operationName" in result.errors[0].message


async def test_negative_page_size_does_not_reduce_cost() -> None:
    result = await _run("{ a: books(first: -100) { id } books(first: 10) { id } }")

    assert result.extensions["cost"]["requested"] == 10


def test_cache_evicts_least_recently_used() -> None:
    cache = DocumentCache(QueryLimits(), max_documents=2)
    for text in ("{ a }", "{ b }", "{ a }", "{ c }", "{ a }", "{ b }"):
        cache.parse(text)

    assert (cache.hits, cache.misses) == (2, 4)


def test_cache_is_bounded_in_characters() -> None:
    cache = DocumentCache(QueryLimits())
    for number in range(40):
        cache.parse("{ a } #" + str(number) * 10_000)

    assert cache._characters <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ echo(text: "a\\u0000b") }', {}),
        ("query($text: String) { echo(text: $text) }", {"text": "a\0b"}),
        ("query($text: String) { echo(text: $text) }", {"text": "a", "more": [{"deep": "\0"}]}),
    ],
)
async def test_zero_byte_is_refused_anywhere(query: str, variables: dict[str, Any]) -> None:
    result = await _run(query, **variables)

    assert (result.data, result.errors[0].extensions["code"]) == (None, "BAD_USER_INPUT")
