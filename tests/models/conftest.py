"""A filled database, on both kinds."""

import pytest

from core.settings import Settings
from tests.people import Cast, assemble


@pytest.fixture
async def cast(database: Settings) -> Cast:
    """Everybody and what they have."""
    return await assemble(database)
