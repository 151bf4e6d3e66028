"""Opens the services of one function call inside its event loop, and closes them before the call ends.

A process is frozen between calls and continues with a new loop. A connection kept open would be dead then, and would
use up the database's connections while frozen.
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
from core.queue.functions.transports import open_function_waker
from core.queue.functions.waker import FunctionWaker
from core.redis.client import close_redis, open_redis
from core.settings import Settings
from jobs.context import RegionContext
from jobs.functions.preflight import check_settings
from models.tables import TABLES

if TYPE_CHECKING:
    from core.storage.object_store import Storage


@dataclass(frozen=True)
class FunctionServices:
    """The open services of a call."""

    region_context: RegionContext
    redis: Redis
    waker: FunctionWaker


class NullStorage:
    """Replaces the storage in a function whose jobs use no files and whose archive has no storage library."""

    def __getattr__(self, name: str) -> object:
        """Raise Unavailable."""
        raise Unavailable(
            f"This function has no file storage ({name}); a job that needs files was put into the wrong queue."
        )


@asynccontextmanager
async def open_function_services(settings: Settings, *, needs_files: bool) -> AsyncIterator[FunctionServices]:
    """Connect to database, Redis and engine, and to the storage when `needs_files`."""
    check_settings(settings, needs_files=needs_files)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(database_connection.connected(settings, TABLES))
        redis = open_redis(settings.redis_url or "")
        stack.push_async_callback(close_redis, redis)
        waker = open_function_waker(settings, redis)
        stack.enter_context(outbox.override_sender(Dispatcher(Queue(redis), EventBus(redis), waker)))
        url = settings.docker_host or ""
        engine = open_engine(url, address=_engine_address(url))
        stack.push_async_callback(engine.close)
        storage = _open_storage(settings) if needs_files else cast("Storage", NullStorage())
        yield FunctionServices(
            RegionContext(settings, engine, storage, settings.region, f"{settings.api_url}/graphql"), redis, waker
        )


def _open_storage(settings: Settings) -> "Storage":
    # Imported here because the storage library is large and missing in the archive of functions without files.
    from core.storage.object_store import open_storage

    return open_storage(settings.storage_url, settings.data_dir)


def _engine_address(url: str) -> str:
    # The engine publishes the ports of containers at its own address.
    host = urlsplit(url).hostname
    return socket.gethostbyname(host) if host else "127.0.0.1"
