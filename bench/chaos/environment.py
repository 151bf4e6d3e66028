"""A house for one storm: its own data folder, Redis and database, a region, an image and the people who launch it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.chaos.functions import NOTHING, SECRET
from carrel.services import Kernel, open_kernel
from core.engine.protocol import Engine
from core.errors import Conflict, Unavailable
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.outbox import OutboxMessage
from core.queue.functions.transports import open_bells
from core.redis.server import RedisServer
from core.settings import Settings, load
from jobs.context import Runtime
from models.accounts.history import ActorKind
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import users
from models.services.migration import migrate
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session
from tests.services.redis import redis_on_a_port


class Post(StrEnum):
    """What becomes of the messages of a transaction after its commit."""

    SENT = "sent"
    LOST = "lost"
    """They vanish: only the sweep can find the row."""
    LEFT = "left"
    """Their sender dies before it sends them: the relay finds them."""


_post: ContextVar[Post] = ContextVar("post", default=Post.SENT)


@contextmanager
def posting(post: Post) -> Iterator[None]:
    """Let the messages of the transactions inside be sent, lost or left."""
    token = _post.set(post)
    try:
        yield
    finally:
        _post.reset(token)


class UnreliableSender:
    """Sends what the present `posting` lets through."""

    def __init__(self, sender: outbox.Sender) -> None:
        """Send through `sender`."""
        self._sender = sender

    async def send(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all, none, or fail."""
        if _post.get() is Post.LEFT:
            raise Unavailable("The sender has died.")
        if _post.get() is Post.SENT:
            await self._sender.send(messages)


@dataclass(frozen=True)
class House:
    """What a storm works on."""

    kernel: Kernel
    region: Region
    image: Image

    @property
    def settings(self) -> Settings:
        """What the workers are started with."""
        return self.kernel.settings

    def runtime(self, engine: Engine) -> Runtime:
        """Return the names and labels that the workers use."""
        return self.kernel.runtime(engine)

    async def launch(self, user_id: int, post: Post = Post.SENT) -> Session:
        """Ask for a session as the API would."""
        actor = Actor(ActorKind.USER, user_id)
        with posting(post):
            session, _ = await sessions.launch(self.image, self.region, self.settings, actor=actor)
        return session

    async def stop(self, session_id: int, post: Post = Post.SENT) -> None:
        """Ask for a session's end as the API would."""
        session = await Session.get(id=session_id)
        with posting(post):
            await sessions.request_stop(session, actor=SERVICE)


@dataclass(frozen=True)
class Place:
    """Where the containers of a storm run, and what runs in them."""

    docker_host: str
    instance: str
    capacity: int
    reference: str = "viewer:1"
    initial_path: str = ""
    lease_seconds: float = 3.0
    job_seconds: float = 2.0
    belfry: str | None = None
    """Where functions are woken, when they do the work of workers."""


@asynccontextmanager
async def open_house(folder: Path, place: Place, database_url: str | None = None) -> AsyncIterator[House]:
    """Open a house in an empty database; SQLite in the folder unless another is named."""
    async with _redis(folder, place) as redis_url:
        settings = _settings(folder, place, database_url).model_copy(update={"redis_url": redis_url})
        await migrate(settings)
        async with open_kernel(settings) as kernel:
            if await Session.all().exists():
                raise Conflict("The database is not empty; chaos needs one of its own.")
            bells = open_bells(settings, kernel.redis)
            outbox.use(UnreliableSender(Dispatcher(kernel.queue, kernel.bus, bells)))
            region = await regions.ensure(settings.region, place.capacity)
            yield House(kernel, region, await _image(place))


@asynccontextmanager
async def _redis(folder: Path, place: Place) -> AsyncIterator[str]:
    """Run a Redis: on a socket for workers, and over the network for functions."""
    if place.belfry:
        with redis_on_a_port() as address:
            yield address
        return
    server = RedisServer(folder / "redis")
    try:
        yield await server.start()
    finally:
        await server.stop()


def _settings(folder: Path, place: Place, database_url: str | None) -> Settings:
    return load(
        data_dir=folder,
        database_url=database_url,
        docker_host=place.docker_host,
        instance=place.instance,
        region="storm",
        region_capacity=place.capacity,
        lease_seconds=place.lease_seconds,
        job_seconds=place.job_seconds,
        sweep_seconds=0.5,
        session_start_seconds=60,
        stop_grace_seconds=0,
        session_memory_mib=256,
        session_cpus=0.5,
        log_level="WARNING",
        bells={"sessions": place.belfry} if place.belfry else {},
        bell_secret=SECRET if place.belfry else None,
        storage_url=NOTHING if place.belfry else None,
    )


async def _image(place: Place) -> Image:
    builder = await users.register("builder", None, role="builder")
    workstation = await workstations.create("Storm", actor=Actor(ActorKind.USER, builder.id))
    return await Image.create(
        workstation=workstation,
        state=ImageState.READY,
        is_desired=True,
        reference=place.reference,
        initial_path=place.initial_path,
        http_port=8080,
        websocket_port=4114,
    )


async def readers(count: int) -> list[int]:
    """Make people who may launch; a person has one session of an image at a time."""
    return [(await users.register(f"reader{number}", None)).id for number in range(count)]
