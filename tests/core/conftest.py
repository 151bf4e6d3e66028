"""Fixtures for several tests of core."""

from collections.abc import AsyncIterator

import pytest

from core.messaging import outbox
from core.settings import Settings
from tests.core.recording_sender import RecordingSender


@pytest.fixture
async def sender(database: Settings) -> AsyncIterator[RecordingSender]:
    """The sender of this process's outbox."""
    sender = RecordingSender()
    outbox.set_sender(sender)
    yield sender
    outbox.set_sender(None)
