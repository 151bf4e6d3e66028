"""Errors: a user's own in the payload, all else with a code and a trace id, and nothing of ours leaks."""

import logging
from typing import Any

import pytest

from models.permissions.principal import Principal
from schema.execution.context import Context
from tests.schema.execution.sample_library import READER, build

RENAME = (
    "mutation($title: String!) { bookRename(title: $title) { book { title } errors { message code path __typename } } }"
)


async def _run(query: str, principal: Principal | None = READER, **variables: Any) -> Any:
    return await build().execute(query, variables, context_value=Context(principal=principal))


async def test_what_a_user_can_fix_is_in_the_payload() -> None:
    payload = (await _run(RENAME, title="")).data["bookRename"]

    assert payload == {
        "book": None,
        "errors": [
            {
                "message": "A title has at least one letter.",
                "code": "BAD_USER_INPUT",
                "path": ["title"],
                "__typename": "InputError",
            }
        ],
    }


async def test_a_conflict_is_a_type_of_its_own() -> None:
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
async def test_every_error_has_a_code_and_a_trace_id(query: str, code: str) -> None:
    error = (await _run(query)).errors[0]

    assert error.extensions["code"] == code
    assert len(error.extensions["traceId"]) == 32


async def test_a_wrong_variable_is_bad_user_input() -> None:
    result = await _run("query($t: String) { echo(text: $t) }", t={"a": 1})

    assert result.errors[0].extensions["code"] == "BAD_USER_INPUT"


async def test_when_to_come_back_is_told() -> None:
    assert (await _run("{ busy }")).errors[0].extensions["retryAfter"] == 7


async def test_the_cause_of_an_accident_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "carrel.graphql"):
        error = (await _run("{ boom }")).errors[0]

    assert "swordfish" not in str(error.formatted)
    assert error.original_error is None
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "swordfish" in record.getMessage()
    assert error.extensions["traceId"] in record.getMessage()
    assert record.exc_info


async def test_an_expected_error_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await _run("{ busy }")

    assert [(record.levelno, record.exc_info) for record in caplog.records] == [(logging.INFO, None)]


async def test_a_stream_that_breaks_is_masked_too() -> None:
    context = Context(principal=READER)
    results = [result async for result in await build().stream("subscription { broken }", context_value=context)]

    assert results[0].data == {"broken": 1}
    assert results[-1].errors[0].extensions["code"] == "INTERNAL"
    assert "swordfish" not in str(results[-1].errors[0].formatted)


async def test_a_refused_subscription_does_not_begin() -> None:
    context = Context(principal=READER)
    results = [result async for result in await build().stream("subscription { denied }", context_value=context)]

    assert [error.extensions["code"] for error in results[0].errors] == ["FORBIDDEN"]
    assert len(results) == 1


class _Breaking(Context):
    async def admit(self, cost: int) -> None:
        raise RuntimeError("the password is swordfish")


@pytest.mark.parametrize("query", ["{ hello }", "subscription { count }"])
async def test_an_accident_outside_every_field_is_masked_too(query: str) -> None:
    schema, context = build(), _Breaking(principal=READER)
    streamed = [result async for result in await schema.stream(query, context_value=context)]
    results = streamed if "subscription" in query else [await schema.execute(query, context_value=context), *streamed]

    for result in results:
        assert "swordfish" not in str(result.errors)
        assert [error.extensions["code"] for error in result.errors] == ["INTERNAL"]


async def test_only_a_known_caller_is_given_hints_at_names() -> None:
    assert "Did you mean" in (await _run("{ hallo }")).errors[0].message
    assert (await _run("{ hallo }", None)).errors[0].message == "Cannot query field 'hallo' on type 'Query'."
