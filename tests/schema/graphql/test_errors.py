"""Errors: user errors are in the payload, all others have a code and a trace id, and internal ones are masked."""

import logging
from typing import Any

import pytest

from models.permissions.principal import Principal
from schema.context import GraphQLContext
from tests.schema.sample_library import READER, build

RENAME = (
    "mutation($title: String!) { bookRename(title: $title) { book { title } errors { message code path __typename } } }"
)


async def _run(query: str, principal: Principal | None = READER, **variables: Any) -> Any:
    return await build().execute(query, variables, context_value=GraphQLContext(principal=principal))


async def test_user_error_is_in_payload() -> None:
    payload = (await _run(RENAME, title="")).data["bookRename"]

    assert payload == {
        "book": None,
        "errors": [
            {
                "message": "A title needs at least one letter.",
                "code": "BAD_USER_INPUT",
                "path": ["title"],
                "__typename": "InputError",
            }
        ],
    }


async def test_conflict_has_its_own_type() -> None:
    assert (await _run(RENAME, title="taken")).data["bookRename"]["errors"][0]["__typename"] == "ConflictError"


async def test_success_has_no_errors() -> None:
    assert (await _run(RENAME, title="New")).data["bookRename"] == {"book": {"title": "New"}, "errors": []}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($t: [String]) { echo(text: $t) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ busy }", "RATE_LIMITED"),
        ("{ boom }", "INTERNAL"),
        ('mutation { bookRename(title: "boom") { book { id } } }', "INTERNAL"),
    ],
)
async def test_every_error_has_code_and_trace_id(query: str, code: str) -> None:
    error = (await _run(query)).errors[0]

    assert error.extensions["code"] == code
    assert len(error.extensions["traceId"]) == 32


async def test_wrong_variable_is_bad_user_input() -> None:
    result = await _run("query($t: String) { echo(text: $t) }", t={"a": 1})

    assert result.errors[0].extensions["code"] == "BAD_USER_INPUT"


async def test_rate_limit_error_has_retry_after() -> None:
    assert (await _run("{ busy }")).errors[0].extensions["retryAfter"] == 7


async def test_internal_error_is_logged_and_masked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "carrel.graphql"):
        error = (await _run("{ boom }")).errors[0]

    assert "swordfish" not in str(error.formatted)
    assert error.original_error is None
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "swordfish" in record.getMessage()
    assert error.extensions["traceId"] in record.getMessage()
    assert record.exc_info


async def test_expected_error_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await _run("{ busy }")

    assert [(record.levelno, record.exc_info) for record in caplog.records] == [(logging.INFO, None)]


async def test_failing_stream_is_masked() -> None:
    context = GraphQLContext(principal=READER)
    results = [result async for result in await build().stream("subscription { broken }", context_value=context)]

    assert results[0].data == {"broken": 1}
    assert results[-1].errors[0].extensions["code"] == "INTERNAL"
    assert "swordfish" not in str(results[-1].errors[0].formatted)


async def test_refused_subscription_does_not_start() -> None:
    context = GraphQLContext(principal=READER)
    results = [result async for result in await build().stream("subscription { denied }", context_value=context)]

    assert [error.extensions["code"] for error in results[0].errors] == ["FORBIDDEN"]
    assert len(results) == 1


class _FailingContext(GraphQLContext):
    async def charge(self, cost: int) -> None:
        raise RuntimeError("the password is swordfish")


@pytest.mark.parametrize("query", ["{ hello }", "subscription { count }"])
async def test_exception_outside_fields_is_masked(query: str) -> None:
    schema, context = build(), _FailingContext(principal=READER)
    streamed = [result async for result in await schema.stream(query, context_value=context)]
    results = streamed if "subscription" in query else [await schema.execute(query, context_value=context), *streamed]

    for result in results:
        assert "swordfish" not in str(result.errors)
        assert [error.extensions["code"] for error in result.errors] == ["INTERNAL"]


async def test_only_signed_in_callers_get_name_suggestions() -> None:
    assert "Did you mean" in (await _run("{ hallo }")).errors[0].message
    assert (await _run("{ hallo }", None)).errors[0].message == "Cannot query field 'hallo' on type 'Query'."
