"""What streams share of an event: everything that is the same, and nothing that is not."""

from typing import Any

import orjson
import pytest
from strawberry.types.graphql import OperationType

from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.execution.event_cache import Answers, payload, variables_key
from schema.execution.executor import GuardedExecutor, built
from schema.execution.pipeline import Asked, Ready
from tests.schema.execution.sample_library import BOOKS, NOBODY, READER, BookRow, build

SCHEMA = build()
TITLE = "subscription($yes: Boolean = true) { bookRead { title @include(if: $yes) } }"
NOTES = "subscription { bookRead { notes } }"
AUTHORS = "subscription { bookRead { authors { name } } }"
OTHER = Principal(READER.kind, 9, READER.rules)


async def _executor(query: str, principal: Principal, **variables: Any) -> GuardedExecutor:
    asked = Asked(query, variables, None, frozenset(OperationType))
    context = Context(principal=principal)
    ready = await SCHEMA._preparation.of(asked, context)
    assert isinstance(ready, Ready), ready
    executor = built(SCHEMA._schema, ready, asked, context, None)
    assert isinstance(executor, GuardedExecutor)
    return executor


async def _ask(answers: Answers, query: str, principal: Principal, value: Any, **variables: Any) -> Any:
    executor = await _executor(query, principal, **variables)
    return await answers.of(executor, variables_key(variables), value)


async def test_the_same_is_made_once_and_written_once() -> None:
    answers = Answers()
    one = await _ask(answers, TITLE, READER, BOOKS[1])
    two = await _ask(answers, TITLE, OTHER, BOOKS[1])

    assert one is two
    assert (answers.made, answers.shared) == (1, 1)
    assert payload(one) is not payload(two)
    assert orjson.loads(orjson.dumps(payload(one))) == {"data": {"bookRead": {"title": "Book 1"}}}


@pytest.mark.parametrize(
    ("query", "principal", "value", "variables"),
    [
        (NOTES, READER, BOOKS[1], {}),
        (TITLE, READER, BookRow(1, "Book 1", "Notes 1"), {}),
        (TITLE, READER, BOOKS[1], {"yes": False}),
    ],
    ids=["another query", "another reading of the row", "other variables"],
)
async def test_what_differs_is_made_anew(query: str, principal: Principal, value: Any, variables: Any) -> None:
    answers = Answers()
    await _ask(answers, TITLE, READER, BOOKS[1])

    await _ask(answers, query, principal, value, **variables)

    assert (answers.made, answers.shared) == (2, 0)


async def test_what_is_more_than_attributes_is_shared_by_one_caller_alone() -> None:
    answers = Answers()
    for principal in (READER, OTHER, READER):
        await _ask(answers, AUTHORS, principal, BOOKS[1])

    assert (answers.made, answers.shared) == (2, 1)


async def test_a_caller_with_other_rights_gets_an_answer_of_its_own() -> None:
    answers = Answers()
    executor = await _executor(NOTES, READER)
    shown = await answers.of(executor, "", BOOKS[1])
    context = executor.context_value
    context.principal, context.clearance = NOBODY, context.plan.clearance(NOBODY)

    refused = await answers.of(executor, "", BOOKS[1])

    assert shown.data == {"bookRead": {"notes": "Notes 1"}}
    assert refused.data is None
    assert [error.extensions["code"] for error in refused.errors] == ["FORBIDDEN"]


async def test_answers_are_kept_no_longer_than_there_is_room() -> None:
    answers = Answers(kept=2)
    rows = [BookRow(number, "Title", "") for number in range(5)]
    for row in rows:
        await _ask(answers, TITLE, READER, row)

    await _ask(answers, TITLE, READER, rows[0])

    assert (answers.made, answers.shared) == (6, 0)


def test_variables_are_told_apart_by_their_values() -> None:
    assert variables_key({"a": 1, "b": [2]}) == variables_key({"b": [2], "a": 1})
    assert variables_key({"a": 1}) != variables_key({"a": "1"})
    assert variables_key({"a": 2**70}) is None
