"""What a request finds in the house: the process's settings and connections."""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property

from redis.asyncio import Redis

from core.messaging.event_bus import EventBus
from core.security.signing import Signer
from core.settings import Settings
from core.storage.object_store import Storage
from models.services.data.sources.registry import Sources, open_sources
from models.services.sessions.session_access import Doors
from resolvers.live_rows import Present


@dataclass(frozen=True)
class House:
    """The surroundings of every request of one process; `closing` is set when it is about to end."""

    settings: Settings
    redis: Redis
    bus: EventBus
    storage: Storage
    doors: Doors
    signer: Signer
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    present: Present = field(default_factory=Present)

    @cached_property
    def sources(self) -> Sources:
        """Where the files of data sessions come from."""
        return open_sources(self.settings, self.storage)
