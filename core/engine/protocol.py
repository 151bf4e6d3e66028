"""The protocol of container engines and its value types; Docker, Podman and the fake implement it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from core.clock import now
from core.errors import Conflict, EngineError


class EngineUnavailable(EngineError):
    """The container engine does not answer. The call may have taken effect; try again."""

    code = "UNAVAILABLE"
    status = 503


class EngineRefused(EngineError):
    """The container engine refused, and a retry will not help."""


class ImageMissing(EngineRefused):
    """The container engine does not have this image; load it first."""


class NameTaken(EngineRefused):
    """A container of this name already exists; adopt it."""


class ContainerState(StrEnum):
    """The state of a container."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    GONE = "gone"


class EventAction(StrEnum):
    """The kind of a container event."""

    START = "start"
    DIE = "die"
    REMOVE = "remove"


class Address(NamedTuple):
    """The address of a published port, outside the engine."""

    host: str
    port: int


@dataclass(frozen=True)
class ContainerLimits:
    """The resource limits of a container; swap counts as memory."""

    memory_bytes: int
    cpus: float
    pids: int


@dataclass(frozen=True)
class ContainerSpec:
    """A container to create.

    `name` is deterministic, which makes `ensure` idempotent. `image` is a reference or `sha256:<id>`. Each of `ports`
    is published on a free port of the engine's address. Containers on `network` cannot reach one another. After
    `deadline`, when the caller's claim expires, the container is neither created nor started.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    ports: tuple[int, ...]
    limits: ContainerLimits
    network: str
    command: tuple[str, ...] | None = None
    deadline: datetime | None = None

    def check_deadline(self) -> None:
        """Raise Conflict after the deadline. Engines call it before each effect: the caller may have stalled."""
        if self.deadline is not None and now() >= self.deadline:
            raise Conflict(
                f"The claim on {self.name} has expired; another worker may have created the container already."
            )


@dataclass(frozen=True)
class Container:
    """A container as the engine last reported it.

    `ports` is empty unless it is running; `exit_code` is set after it has exited.
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
    """An image in the engine; `user` is empty when the image runs as root."""

    id: str
    tags: tuple[str, ...]
    size_bytes: int
    user: str
    exposed_ports: tuple[int, ...]
    architecture: str
    os: str = "linux"


@dataclass(frozen=True)
class EngineEvent:
    """An event of the container `name`. It is a hint: inspect the container before acting on it."""

    name: str
    action: EventAction
    exit_code: int | None
    at: datetime


class Engine(Protocol):
    """An endpoint that runs containers.

    Every call ends: it returns, or raises `EngineUnavailable` when the endpoint cannot be reached in time (the call may
    have taken effect; try again), or raises `EngineRefused` with one sentence when a retry would not help. Every call
    may be repeated after a crash. None leaves a state that the next `ensure`, `stop` or `remove` cannot resume.
    """

    async def ping(self) -> None:
        """Return when the engine answers."""

    async def architecture(self) -> str:
        """Return the engine's processor architecture as images name it: `amd64`, `arm64`."""

    async def ensure(self, spec: ContainerSpec) -> Container:
        """Return the container named `spec.name`, created and started, with its ports.

        Before: no container, or one of that name in any state. A created container is started; a running one is adopted
        as it is; an exited one is returned as EXITED and never started again. During: two callers of one name get the
        same container. After a crash of either side: call again. A container whose limits the engine ignored is removed
        and refused.
        """

    async def inspect(self, name: str) -> Container | None:
        """Return the current state of the container, or None when there is none of that name."""

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Return all containers, running or not, that have all of `labels`."""

    async def stop(self, name: str, grace_seconds: float) -> None:
        """Stop the container: terminate it, kill it after `grace_seconds`, and return when it has exited.

        A missing or exited container is no error.
        """

    async def remove(self, name: str) -> None:
        """Kill and delete the container with its anonymous volumes; return when the name is free.

        A missing container is no error.
        """

    async def logs(self, name: str, tail: int) -> str:
        """Return the last `tail` lines of both streams, each with its time; empty when the container is missing."""

    def events(self, labels: Mapping[str, str], since: datetime | None) -> AsyncIterator[EngineEvent]:
        """Yield the events of containers that have `labels`, from `since` or from now on.

        It never ends by itself. It raises `EngineUnavailable` when the engine is silent and does not answer a ping. The
        caller then calls again with the time of the last event as `since`, and may see that event twice. Engines drop
        events (Docker keeps 256, and none over its restart), so after an interruption the caller lists as well.
        """

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Stream a `docker save` archive with one image into the engine and return its id, `sha256:…`.

        It may be repeated.
        """

    async def image(self, reference: str) -> EngineImage | None:
        """Return the image, or None when the engine does not have it."""

    async def images(self) -> Sequence[EngineImage]:
        """Return every image of the engine."""

    async def remove_image(self, reference: str) -> None:
        """Delete the image and its tags; missing is no error, an image in use is refused."""

    async def build(self, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
        """Build the folder `context` with its Dockerfile as `tag` and return the image's id.

        Each output line is passed to `on_line`, on the loop's thread. A failed build is refused with its last line.
        """

    async def ensure_network(self, name: str) -> str:
        """Return the host's address on the bridge `name`, created when missing.

        Containers on it cannot reach one another.
        """

    async def close(self) -> None:
        """Close connections and threads; containers keep running."""
