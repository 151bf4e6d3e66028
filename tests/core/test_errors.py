"""Each error has a code, a status and a sentence."""

import inspect

import pytest

from core import errors
from core.errors import BadInput, CarrelError, RateLimited
from schema.graphql.errors import Code

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CarrelError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_without_words_says_its_docstring(kind: type[CarrelError]) -> None:
    error = kind()

    assert error.message.endswith(".")
    assert error.message == str(error)
    assert Code(error.code)
    assert 400 <= error.status < 600


def test_an_error_says_what_it_is_given() -> None:
    assert BadInput("No.", path=("a", "b")).path == ("a", "b")
    assert (str(BadInput("No.")), RateLimited(retry_after=7).retry_after) == ("No.", 7)
