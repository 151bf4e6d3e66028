"""The environment of a chaos run: its own data folder, Redis and database, a region, an image and users."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.chaos.functions import SECRET, UNREACHABLE_BUCKET
from carrel.services import ProcessServices, open_services
from core.engine.protocol import Engine
from core.errors import Conflict, Unavailable
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.outbox import OutboxMessage
from core.queue.functions.transports import open_function_waker
from core.redis.server import RedisServer
from core.settings import Settings, load
from jobs.context import RegionContext
from models.accounts.history import ActorKind
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import users
from models.services.migration import migrate
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.services.redis import redis_on_a_port


class Delivery(StrEnum):
    """The fate of a transaction's messages after its commit."""

    SENT = "sent"
    LOST = "lost"
    """They are deleted; only the sweep can find the row."""
    LEFT = "left"
    """The sender dies before it sends them; the relay sends them later."""


_delivery: ContextVar[Delivery] = ContextVar("delivery", default=Delivery.SENT)


@contextmanager
def delivering(delivery: Delivery) -> Iterator[None]:
    """Apply `delivery` to the messages of transactions inside the block."""
    token = _delivery.set(delivery)
    try:
        yield
    finally:
        _delivery.reset(token)


class UnreliableSender:
    """Sends messages as the current `delivering` block says."""

    def __init__(self, sender: outbox.Sender) -> None:
        """Send through `sender`."""
        self._sender = sender

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all messages, drop them, or fail."""
        if _delivery.get() is Delivery.LEFT:
            raise Unavailable("The sender died.")
        if _delivery.get() is Delivery.SENT:
            await self._sender.send(messages)


@dataclass(frozen=True)
class ChaosEnvironment:
    """The open services and rows of a chaos run."""

    services: ProcessServices
    region: Region
    image: Image

    @property
    def settings(self) -> Settings:
        """The settings of the workers."""
        return self.services.settings

    def region_context(self, engine: Engine) -> RegionContext:
        """Return the context that the workers use."""
        return self.services.region_context(engine)

    async def launch(self, user_id: int, delivery: Delivery = Delivery.SENT) -> Session:
        """Launch a session as the API does."""
        actor = Actor(ActorKind.USER, user_id)
        with delivering(delivery):
            session, _ = await sessions.launch(self.image, self.region, self.settings, actor=actor)
        return session

    async def stop(self, session_id: int, delivery: Delivery = Delivery.SENT) -> None:
        """Stop a session as the API does."""
        session = await Session.get(id=session_id)
        with delivering(delivery):
            await sessions.request_stop(session, actor=SERVICE)


@dataclass(frozen=True)
class ChaosSetup:
    """The engine, capacity and image of a chaos run."""

    docker_host: str
    instance: str
    capacity: int
    reference: str = "viewer:1"
    initial_path: str = ""
    lease_seconds: float = 3.0
    job_seconds: float = 2.0
    wake_server: str | None = None
    """Address that receives wake-ups, when functions replace workers."""


@asynccontextmanager
async def open_environment(
    folder: Path, setup: ChaosSetup, database_url: str | None = None
) -> AsyncIterator[ChaosEnvironment]:
    """Open an environment in an empty database, by default SQLite in the folder."""
    async with _redis(folder, setup) as redis_url:
        settings = _settings(folder, setup, database_url).model_copy(update={"redis_url": redis_url})
        await migrate(settings)
        async with open_services(settings) as services:
            if await Session.all().exists():
                raise Conflict("The database is not empty; give chaos an empty one.")
            waker = open_function_waker(settings, services.redis)
            outbox.set_sender(UnreliableSender(Dispatcher(services.queue, services.bus, waker)))
            region = await regions.ensure(settings.region, setup.capacity)
            yield ChaosEnvironment(services, region, await _image(setup))


@asynccontextmanager
async def _redis(folder: Path, setup: ChaosSetup) -> AsyncIterator[str]:
    """Run a Redis: on a socket for workers, on a port for functions."""
    if setup.wake_server:
        with redis_on_a_port() as address:
            yield address
        return
    server = RedisServer(folder / "redis")
    try:
        yield await server.start()
    finally:
        await server.stop()


def _settings(folder: Path, setup: ChaosSetup, database_url: str | None) -> Settings:
    return load(
        data_dir=folder,
        database_url=database_url,
        docker_host=setup.docker_host,
        instance=setup.instance,
        region="chaos",
        region_capacity=setup.capacity,
        lease_seconds=setup.lease_seconds,
        job_seconds=setup.job_seconds,
        sweep_seconds=0.5,
        session_start_seconds=60,
        stop_grace_seconds=0,
        session_memory_mib=256,
        session_cpus=0.5,
        log_level="WARNING",
        function_urls={"sessions": setup.wake_server} if setup.wake_server else {},
        function_secret=SECRET if setup.wake_server else None,
        storage_url=UNREACHABLE_BUCKET if setup.wake_server else None,
    )


async def _image(setup: ChaosSetup) -> Image:
    builder = await users.register("builder", None, role="builder")
    workstation = await workstations.create("Chaos", actor=Actor(ActorKind.USER, builder.id))
    return await Image.create(
        workstation=workstation,
        state=ImageState.READY,
        is_desired=True,
        reference=setup.reference,
        initial_path=setup.initial_path,
        http_port=8080,
        websocket_port=4114,
    )


async def create_users(count: int) -> list[int]:
    """Create users who may launch; a user has one session of an image at a time."""
    return [(await users.register(f"reader{number}", None)).id for number in range(count)]
