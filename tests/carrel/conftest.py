"""The API's own fixture, for its client."""

from tests.schema.conftest import api, changes

__all__ = ["api", "changes"]
