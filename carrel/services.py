"""Open what every process needs, in order, and close it in reverse."""

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
from core.queue.functions.transports import open_bells
from core.redis.client import close_redis, open_redis
from core.security.signing import open_signer
from core.settings import Settings
from core.storage.object_store import Storage, open_storage
from jobs.context import Runtime
from models.services.sessions.session_access import Doors
from resolvers.app_state import House


@dataclass(frozen=True)
class Kernel:
    """The open connections of a process."""

    settings: Settings
    redis: Redis
    bus: EventBus
    queue: Queue
    storage: Storage

    @property
    def doors(self) -> Doors:
        """What the proxy asks."""
        return Doors(self.redis, self.bus)

    @property
    def house(self) -> House:
        """What a request finds."""
        return House(self.settings, self.redis, self.bus, self.storage, self.doors, open_signer(self.settings))

    def runtime(self, engine: Engine, api_url: str | None = None) -> Runtime:
        """Return what jobs find, over an engine; `api_url` is where containers reach the API."""
        url = api_url or self.settings.api_url
        return Runtime(self.settings, engine, self.storage, self.settings.region, f"{url}/graphql")


@asynccontextmanager
async def open_kernel(settings: Settings) -> AsyncIterator[Kernel]:
    """Connect to database, Redis and storage; the database must be migrated."""
    if not settings.redis_url:
        raise Unavailable("There is no Redis: set REDIS_URL, or use `carrel up`, which starts a private one.")
    async with AsyncExitStack() as stack:
        await connection.connect(settings)
        stack.push_async_callback(connection.disconnect)
        redis = open_redis(settings.redis_url)
        stack.push_async_callback(close_redis, redis)
        bus, queue = EventBus(redis), Queue(redis)
        stack.push_async_callback(bus.stop)
        await bus.start()
        outbox.use(Dispatcher(queue, bus, open_bells(settings, redis)))
        stack.callback(outbox.use, None)
        yield Kernel(settings, redis, bus, queue, open_storage(settings.storage_url, settings.data_dir))


@asynccontextmanager
async def open_region(settings: Settings, address: str = "127.0.0.1") -> AsyncIterator[Engine]:
    """Connect to the engine of the configured region."""
    if not settings.docker_host:
        raise Unavailable(
            "There is no container engine: set DOCKER_HOST, or use `carrel up`, which finds or starts one."
        )
    engine = open_engine(settings.docker_host, address=address)
    try:
        yield engine
    finally:
        await engine.close()
