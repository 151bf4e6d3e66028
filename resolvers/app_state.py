"""The state that all requests of one API process share: settings, connections and services."""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property

from redis.asyncio import Redis

from core.messaging.event_bus import EventBus
from core.security.signing import Signer
from core.settings import Settings
from core.storage.object_store import Storage
from models.services.data.sources.registry import Sources, open_sources
from models.services.sessions.session_access import SessionAccess
from resolvers.live_rows import LiveRowReader


@dataclass(frozen=True)
class AppState:
    """The shared state of one process. `closing` is set when its shutdown begins."""

    settings: Settings
    redis: Redis
    bus: EventBus
    storage: Storage
    session_access: SessionAccess
    signer: Signer
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    live_rows: LiveRowReader = field(default_factory=LiveRowReader)

    @cached_property
    def sources(self) -> Sources:
        """The sources of input files."""
        return open_sources(self.settings, self.storage)
