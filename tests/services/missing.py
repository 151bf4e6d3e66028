"""Missing services of tests: reported, counted, and a failure under CI=true."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class MissingService(Exception):
    """A required service is missing; the message says what to install."""


def is_ci() -> bool:
    """Return whether a missing service is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


@contextmanager
def required_service(service: str) -> Iterator[None]:
    """Convert `MissingService` into a skipped test with its reason, or into a failure under CI=true."""
    try:
        yield
    except MissingService as error:
        reason = f"{service}: {error}"
        if is_ci():
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
