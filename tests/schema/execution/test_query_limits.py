"""Limits: a document that is too large is refused before it runs, with one sentence."""

from typing import Any

import pytest
from graphql import get_introspection_query

from schema.execution.context import Context
from schema.execution.document_cache import KEPT_CHARACTERS, Documents
from schema.execution.query_limits import Limits
from tests.schema.execution.sample_library import READER, build


async def _run(query: str, limits: Limits | None = None, **variables: Any) -> Any:
    return await build(limits=limits).execute(query, variables, context_value=Context(principal=READER))


DOUBLING = (
    "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ... on Query {{ ...F{n + 1} }} }}" for n in range(60))
    + " fragment F60 on Query { a: hello }"
)


@pytest.mark.parametrize(
    ("query", "says"),
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
async def test_each_limit_has_its_sentence(query: str, says: str | None) -> None:
    result = await _run(query)

    if says is None:
        assert result.errors is None
    else:
        assert len(result.errors) == 1
        assert says in result.errors[0].message
        code = "GRAPHQL_VALIDATION_FAILED" if says == "itself" else "COST_LIMIT"
        assert result.errors[0].extensions["code"] == code


@pytest.mark.parametrize("query", ["{" + " hello" * 2100 + " }", "{ " + "hello " * 11 + " }", DOUBLING])
async def test_a_limit_has_the_code_cost_limit(query: str) -> None:
    assert (await _run(query)).errors[0].extensions["code"] == "COST_LIMIT"


async def test_depth_counts_through_fragments() -> None:
    query = "{ books(first: 1) { ...B } } fragment B on Book { authors { name } }"

    assert (await _run(query, Limits(depth=3))).errors is None
    assert "3 fields deep; at most 2" in (await _run(query, Limits(depth=2))).errors[0].message


async def test_a_very_deep_document_is_refused_not_a_crash() -> None:
    result = await _run("{ a " * 600 + "}" * 600)

    assert result.errors[0].extensions["code"] in {"GRAPHQL_PARSE_FAILED", "COST_LIMIT", "GRAPHQL_VALIDATION_FAILED"}


async def test_the_introspection_query_of_graphiql_passes() -> None:
    assert (await _run(get_introspection_query(input_value_deprecation=True))).errors is None


async def test_cost_follows_the_size_of_pages_and_variables() -> None:
    query = "query($n: Int = 5) { books(first: $n) { title authors { name } } }"

    assert (await _run(query)).extensions["cost"] == {"requested": 5 * (1 + 3 * 1), "limit": 10_000, "throttle": None}
    assert (await _run(query, n=10)).extensions["cost"]["requested"] == 40


async def test_an_operation_over_its_cost_does_not_run() -> None:
    result = await _run("{ books(first: 100) { authors { id } } }", Limits(cost=399))

    assert result.data is None
    assert result.errors[0].extensions["code"] == "COST_LIMIT"
    assert result.extensions["cost"]["requested"] == 400


async def test_a_document_is_parsed_and_validated_once() -> None:
    schema = build()
    for _ in range(5):
        await schema.execute("{ hello }", context_value=Context(principal=READER))

    assert (schema.documents.hits, schema.documents.misses) == (4, 1)


async def test_several_operations_need_a_name() -> None:
    result = await _run("query A { hello } query B { hello }")

    assert "operationName" in result.errors[0].message


async def test_a_negative_page_pays_for_nothing_else() -> None:
    result = await _run("{ a: books(first: -100) { id } books(first: 10) { id } }")

    assert result.extensions["cost"]["requested"] == 10


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    documents = Documents(Limits(), kept=2)
    for text in ("{ a }", "{ b }", "{ a }", "{ c }", "{ a }", "{ b }"):
        documents.parsed(text)

    assert (documents.hits, documents.misses) == (2, 4)


def test_the_cache_is_bounded_in_characters_too() -> None:
    documents = Documents(Limits())
    for number in range(40):
        documents.parsed("{ a } #" + str(number) * 10_000)

    assert documents._characters <= KEPT_CHARACTERS


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ echo(text: "a\\u0000b") }', {}),
        ("query($text: String) { echo(text: $text) }", {"text": "a\0b"}),
        ("query($text: String) { echo(text: $text) }", {"text": "a", "more": [{"deep": "\0"}]}),
    ],
)
async def test_a_zero_byte_is_refused_wherever_it_stands(query: str, variables: dict[str, Any]) -> None:
    result = await _run(query, **variables)

    assert (result.data, result.errors[0].extensions["code"]) == (None, "BAD_USER_INPUT")
