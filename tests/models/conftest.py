"""Fixtures of the model tests."""

import pytest

from core.settings import Settings
from tests.people import People, create_people


@pytest.fixture
async def people(database: Settings) -> People:
    """The people and their objects, in a database of each kind."""
    return await create_people(database)
