"""Fixtures of the served API."""

from tests.schema.conftest import changes, sqlite_api

__all__ = ["changes", "sqlite_api"]
