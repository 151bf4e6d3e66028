"""Fixtures of the API, for the tests of its client."""

from tests.schema.conftest import api, changes

__all__ = ["api", "changes"]
