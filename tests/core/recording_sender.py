"""A sender for the outbox that tests can close, delay and inspect."""

import asyncio
from collections.abc import Sequence

from core.messaging.outbox import OutboxMessage


class RecordingSender:
    """Records the messages that are sent; it can be closed."""

    def __init__(self) -> None:
        """Start open and without delay."""
        self.sent: list[tuple[str, str]] = []
        self.closed = False
        self.delay_seconds = 0.0

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Record the messages, or raise when closed."""
        await asyncio.sleep(self.delay_seconds)
        if self.closed:
            raise ConnectionError("closed")
        self.sent += [(message.kind.value, message.name) for message in messages]
