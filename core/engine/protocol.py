"""What a container engine promises, whoever runs it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from core.clock import now
from core.errors import Conflict, EngineError


class EngineUnavailable(EngineError):
    """The container engine does not answer; whether the call took effect is unknown, so ask again."""

    code = "UNAVAILABLE"
    status = 503


class EngineRefused(EngineError):
    """The container engine refused, and asking again will not help."""


class ImageMissing(EngineRefused):
    """The container engine does not have this image; load it first."""


class NameTaken(EngineRefused):
    """A container of this name already exists; adopt it."""


class ContainerState(StrEnum):
    """Where a container is in its life."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    GONE = "gone"


class EventAction(StrEnum):
    """What happened to a container."""

    START = "start"
    DIE = "die"
    REMOVE = "remove"


class Address(NamedTuple):
    """Where a published port is reached from outside the engine."""

    host: str
    port: int


@dataclass(frozen=True)
class Limits:
    """What a container may use at most; swap counts as memory."""

    memory_bytes: int
    cpus: float
    pids: int


@dataclass(frozen=True)
class ContainerSpec:
    """A container as it is wished for.

    `name` is deterministic, since it is what makes `ensure` idempotent. `image` is a reference or `sha256:<id>`.
    Each of `ports` is published on a free port of the engine's address. On `network` containers cannot reach one
    another. It is made and started only `before` a moment, when the claim of whoever asks for it is over.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    ports: tuple[int, ...]
    limits: Limits
    network: str
    command: tuple[str, ...] | None = None
    before: datetime | None = None

    def refuse_late(self) -> None:
        """Raise Conflict when it is too late; an engine asks at the last moment, for whoever asks it may have slept."""
        if self.before is not None and now() >= self.before:
            raise Conflict(f"The claim on {self.name} is over; another may have made it, and it may have ended since.")


@dataclass(frozen=True)
class Container:
    """A container as the engine last saw it.

    `ports` is empty unless it is running; `exit_code` is set once it has exited.
    """

    name: str
    id: str
    state: ContainerState
    image: str
    labels: Mapping[str, str]
    ports: Mapping[int, Address] = field(default_factory=dict)
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class EngineImage:
    """An image that the engine holds; `user` is empty when the image runs as root."""

    id: str
    tags: tuple[str, ...]
    size_bytes: int
    user: str
    exposed_ports: tuple[int, ...]
    architecture: str
    os: str = "linux"


@dataclass(frozen=True)
class EngineEvent:
    """Something happened to the container `name`; a hint, so inspect before acting on it."""

    name: str
    action: EventAction
    exit_code: int | None
    at: datetime


class Engine(Protocol):
    """One endpoint that runs containers.

    Every call ends: it answers, raises `EngineUnavailable` when the endpoint cannot be reached in time (the call
    may or may not have taken effect: ask again), or raises `EngineRefused` (or its child `ImageMissing`) with one
    sentence when asking again would not help. Every call may be repeated after a crash; none leaves a state that
    the next `ensure`, `stop` or `remove` cannot resume.
    """

    async def ping(self) -> None:
        """Return when the engine answers."""

    async def architecture(self) -> str:
        """Return the processor architecture that the engine runs, as images name it: `amd64`, `arm64`."""

    async def ensure(self, spec: ContainerSpec) -> Container:
        """Return the one container named `spec.name`, created and started, with its ports.

        Before: no container, or one of that name in any state. A container that was created but not started is
        started; a running one is adopted as it is; one that has exited is returned as EXITED and never started
        again. During: two callers of one name get the same container. After a crash of either side: call again. A
        container whose limits the engine ignored is removed and refused.
        """

    async def inspect(self, name: str) -> Container | None:
        """Return the container as it is now, or None when there is none of that name."""

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Return all containers, running or not, that carry every one of `labels`."""

    async def stop(self, name: str, grace_seconds: float) -> None:
        """Ask the container to end, kill it after `grace_seconds`, return when it has exited.

        Missing or exited is fine.
        """

    async def remove(self, name: str) -> None:
        """Kill and delete the container with its anonymous volumes; return when the name is free. Missing is fine."""

    async def logs(self, name: str, tail: int) -> str:
        """Return the last `tail` lines of both streams, each with its time; empty when the container is missing."""

    def events(self, labels: Mapping[str, str], since: datetime | None) -> AsyncIterator[EngineEvent]:
        """Yield what happens to containers that carry `labels`: at or after `since`, or from now on.

        Never ends by itself. Raises `EngineUnavailable` when the engine fell silent and does not answer a ping; the
        caller then calls again with `since` the last event it saw, and must bear seeing that one twice. Engines forget
        (Docker keeps 256 events, and none over its restart), so after an interruption the caller lists as well.
        """

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Stream a `docker save` archive with one image into the engine and return its id, `sha256:…`.

        Twice is harmless.
        """

    async def image(self, reference: str) -> EngineImage | None:
        """Return the image, or None when the engine does not hold it."""

    async def images(self) -> Sequence[EngineImage]:
        """Return every image that the engine holds."""

    async def remove_image(self, reference: str) -> None:
        """Delete the image and its tags; missing is fine, in use by a container is refused."""

    async def build(self, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
        """Build the folder `context` with its Dockerfile as `tag` and return the image's id.

        Each line of output is passed to `on_line`, on the loop's thread. A build that fails is refused with its
        last line.
        """

    async def ensure_network(self, name: str) -> str:
        """Return the host's address on the bridge `name`, made when missing.

        Containers on it cannot reach one another.
        """

    async def close(self) -> None:
        """Let go of connections and threads; containers go on running."""
