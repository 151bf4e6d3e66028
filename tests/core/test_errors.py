"""Each error has a code, a status and a sentence."""

import inspect

import pytest

from core import errors
from core.errors import BadInput, CarrelError, RateLimited
from schema.graphql.errors import ErrorCode

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CarrelError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_default_message_is_the_docstring(kind: type[CarrelError]) -> None:
    error = kind()

    assert error.message.endswith(".")
    assert error.message == str(error)
    assert ErrorCode(error.code)
    assert 400 <= error.status < 600


def test_given_message_is_used() -> None:
    assert BadInput("No.", path=("a", "b")).path == ("a", "b")
    assert (str(BadInput("No.")), RateLimited(retry_after=7).retry_after) == ("No.", 7)
