"""The fixtures of the real API."""

from tests.schema.conftest import changes, quick

__all__ = ["changes", "quick"]
