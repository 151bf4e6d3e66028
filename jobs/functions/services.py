"""Open all that a call of a function needs, inside its own event loop, and close it again before the call ends.

A function is frozen between its calls, and thawed into another loop: a connection that was kept would be dead, and one
that sleeps would be taken from others.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis

from core.database import connection as database_connection
from core.engine.factory import open_engine
from core.errors import Unavailable
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.event_bus import EventBus
from core.queue import Queue
from core.queue.functions.transports import open_bells
from core.queue.functions.waker import Bells
from core.redis.client import close_redis, open_redis
from core.settings import Settings
from jobs.context import Runtime
from jobs.functions.preflight import check

if TYPE_CHECKING:
    from core.storage.object_store import Storage


@dataclass(frozen=True)
class Opened:
    """What a call works with."""

    runtime: Runtime
    redis: Redis
    bells: Bells


class NoFiles:
    """What stands for the storage in a function whose jobs need none, and whose archive lacks its library."""

    def __getattr__(self, name: str) -> object:
        """Refuse."""
        raise Unavailable(f"This function has no file storage ({name}); a job of another queue was put into its own.")


@asynccontextmanager
async def opened(settings: Settings, *, needs_files: bool) -> AsyncIterator[Opened]:
    """Connect to database, Redis and engine, and to the storage if it is needed."""
    check(settings, needs_files=needs_files)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(database_connection.opened(settings))
        redis = open_redis(settings.redis_url or "")
        stack.push_async_callback(close_redis, redis)
        bells = open_bells(settings, redis)
        stack.enter_context(outbox.using(Dispatcher(Queue(redis), EventBus(redis), bells)))
        url = settings.docker_host or ""
        engine = open_engine(url, address=_address(url))
        stack.push_async_callback(engine.close)
        storage = _storage(settings) if needs_files else cast("Storage", NoFiles())
        yield Opened(Runtime(settings, engine, storage, settings.region, f"{settings.api_url}/graphql"), redis, bells)


def _storage(settings: Settings) -> "Storage":
    """Open the storage; its library is large, and only who handles files loads it."""
    from core.storage.object_store import open_storage

    return open_storage(settings.storage_url, settings.data_dir)


def _address(url: str) -> str:
    """Return the engine's own address, at which it publishes the ports of containers."""
    host = urlsplit(url).hostname
    return socket.gethostbyname(host) if host else "127.0.0.1"
