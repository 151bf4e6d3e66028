"""What happens when a service that tests need cannot be had: said, counted, and a failure under CI=true."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Missing(Exception):
    """A service that the tests need cannot be had; the message says what to install."""


def strict() -> bool:
    """Say whether a missing service is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


@contextmanager
def needed(service: str) -> Iterator[None]:
    """Turn `Missing` into a skipped test with its reason, or into a failure under CI=true."""
    try:
        yield
    except Missing as error:
        reason = f"{service}: {error}"
        if strict():
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
