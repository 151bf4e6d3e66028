"""What several tests of the core need."""

from collections.abc import AsyncIterator

import pytest

from core.messaging import outbox
from core.settings import Settings
from tests.core.recording_sender import Post


@pytest.fixture
async def post(database: Settings) -> AsyncIterator[Post]:
    """The way out of this process's outbox."""
    post = Post()
    outbox.use(post)
    yield post
    outbox.use(None)
