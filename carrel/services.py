"""Opens the connections that every process needs, in order, and closes them in reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from core.database import connection
from core.engine.factory import open_engine
from core.engine.protocol import Engine
from core.errors import Unavailable
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.event_bus import EventBus
from core.queue import Queue
from core.queue.functions.transports import open_function_waker
from core.redis.client import close_redis, open_redis
from core.security.signing import open_signer
from core.settings import Settings
from core.storage.object_store import Storage, open_storage
from jobs.context import RegionContext
from models.services.sessions.session_access import SessionAccess
from models.tables import TABLES
from resolvers.app_state import AppState


@dataclass(frozen=True)
class ProcessServices:
    """The open connections of a process."""

    settings: Settings
    redis: Redis
    bus: EventBus
    queue: Queue
    storage: Storage

    @property
    def session_access(self) -> SessionAccess:
        """Session lookups and tickets for the proxy."""
        return SessionAccess(self.redis, self.bus)

    @property
    def app_state(self) -> AppState:
        """The state that API requests use."""
        return AppState(
            self.settings, self.redis, self.bus, self.storage, self.session_access, open_signer(self.settings)
        )

    def region_context(self, engine: Engine, api_url: str | None = None) -> RegionContext:
        """Return the context of jobs over an engine; `api_url` is the address at which containers reach the API."""
        url = api_url or self.settings.api_url
        return RegionContext(self.settings, engine, self.storage, self.settings.region, f"{url}/graphql")


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[ProcessServices]:
    """Connect to database, Redis and storage; the database must be migrated."""
    if not settings.redis_url:
        raise Unavailable("REDIS_URL is not set; set it, or use `carrel up`, which starts a private Redis.")
    async with AsyncExitStack() as stack:
        await connection.connect(settings, TABLES)
        stack.push_async_callback(connection.disconnect)
        redis = open_redis(settings.redis_url)
        stack.push_async_callback(close_redis, redis)
        bus, queue = EventBus(redis), Queue(redis)
        stack.push_async_callback(bus.stop)
        await bus.start()
        outbox.set_sender(Dispatcher(queue, bus, open_function_waker(settings, redis)))
        stack.callback(outbox.set_sender, None)
        yield ProcessServices(settings, redis, bus, queue, open_storage(settings.storage_url, settings.data_dir))


@asynccontextmanager
async def open_region(settings: Settings, address: str = "127.0.0.1") -> AsyncIterator[Engine]:
    """Connect to the engine of the configured region."""
    if not settings.docker_host:
        raise Unavailable(
            "DOCKER_HOST is not set; set it, or use `carrel up`, which finds or starts a container engine."
        )
    engine = open_engine(settings.docker_host, address=address)
    try:
        yield engine
    finally:
        await engine.close()
