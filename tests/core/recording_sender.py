"""A way out of the outbox that tests can close, slow down and look into."""

import asyncio
from collections.abc import Sequence

from core.messaging.outbox import OutboxMessage


class Post:
    """A way out that notes what leaves, and that can be closed."""

    def __init__(self) -> None:
        """Be open, at no delay."""
        self.sent: list[tuple[str, str]] = []
        self.closed = False
        self.slow = 0.0

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Take them, or refuse to."""
        await asyncio.sleep(self.slow)
        if self.closed:
            raise ConnectionError("closed")
        self.sent += [(message.kind.value, message.name) for message in messages]
