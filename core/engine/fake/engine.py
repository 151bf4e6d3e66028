"""A container engine without containers, for tests: obedient by default, and slow, dead or lying on request."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.engine.fake.images import digest, read_archive
from core.engine.fake.server import FakeServer
from core.engine.fake.store import FakeStore
from core.engine.protocol import (
    Address,
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    EngineImage,
    EngineRefused,
    EngineUnavailable,
    ImageMissing,
)

P = ParamSpec("P")
T = TypeVar("T")
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Behaviour:
    """How a fake engine misbehaves; the default does not."""

    dead: bool = False
    """Every call raises EngineUnavailable, as an endpoint whose host is gone."""
    call_seconds: float = 0.0
    """Every call takes this long."""
    start_seconds: float = 0.0
    """A container takes this long between its creation and its start."""
    raises_after_create: bool = False
    """`ensure` makes the container, then raises EngineUnavailable without having started it."""
    raises_after_start: bool = False
    """`ensure` makes and starts the container, then raises EngineUnavailable."""
    says_running: bool = False
    """A container that has exited is still said to be running, at its old address."""
    silent: bool = False
    """A container accepts connections and never answers."""
    crashes_after: float | None = None
    """A container exits this many seconds after its start."""
    exit_code: int = 1
    """What a crashing container exits with."""
    ignores_limits: bool = False
    """The engine ignores limits, so that `ensure` refuses."""
    deaf: bool = False
    """No event ever arrives."""


class FakeEngine:
    """An engine in a folder: instances in several processes that share the folder are one engine.

    Without `folder` the engine is private and vanishes with `close`. Each container answers HTTP on a local port of
    the process that made it, unless `address` is given: then every container is said to be there. `behaviour` may
    be changed at any time; it belongs to this instance. Every image exists, unless `strict_images`: then only those
    that were loaded, built or added.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        address: tuple[str, int] | None = None,
        behaviour: Behaviour | None = None,
        strict_images: bool = False,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self._temporary = None if folder else Path(tempfile.mkdtemp(prefix="carrel-fake-"))
        self._address = Address(*address) if address else None
        self._strict_images = strict_images
        self._servers: dict[str, FakeServer] = {}
        self._stopped: list[FakeServer] = []
        home = folder or self._temporary
        assert home is not None  # noqa: S101
        home.mkdir(parents=True, exist_ok=True)
        self.store = FakeStore(home / "engine.sqlite3")

    async def ping(self) -> None:
        """Return, unless dead."""
        await self._call(self.store.last_event)

    async def architecture(self) -> str:
        """Return amd64, unless dead."""
        await self.ping()
        return "amd64"

    async def ensure(self, spec: ContainerSpec) -> Container:
        """Return the one container of that name, created and started."""
        await self._require_image(spec.image)
        if self.behaviour.ignores_limits:
            raise EngineRefused(f"The engine ignored the limits of {spec.name}; it needs cgroups to enforce them.")
        if await self._call(self.store.container, spec.name) is None:
            await self._create(spec)
        await asyncio.sleep(self.behaviour.start_seconds)
        await self._call(self.store.start, spec.name, self.behaviour.crashes_after, self.behaviour.exit_code)
        if self.behaviour.raises_after_start:
            raise EngineUnavailable
        container = await self.inspect(spec.name)
        if container is None:
            raise EngineUnavailable(f"The container {spec.name} was removed while it started.")
        return container

    async def inspect(self, name: str) -> Container | None:
        """Return the container, or None."""
        container = await self._call(self.store.container, name)
        return self._seen(container) if container else None

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Return the containers with these labels."""
        return [self._seen(container) for container in await self._call(self.store.containers, labels)]

    async def stop(self, name: str, grace_seconds: float) -> None:  # noqa: ARG002
        """End the container with 143, at once."""
        await self._call(self.store.exit, name, 143)
        self._silence(name)

    async def remove(self, name: str) -> None:
        """Forget the container."""
        await self._call(self.store.remove, name)
        self._silence(name)

    async def logs(self, name: str, tail: int) -> str:
        """Return the last lines given to `store.write_log`."""
        lines = await self._call(self.store.logs, name)
        return "".join(f"{line}\n" for line in lines[-tail:])

    async def events(self, labels: Mapping[str, str], since: datetime | None) -> AsyncIterator[EngineEvent]:
        """Yield events, looking every few milliseconds."""
        after = 0 if since else await self._call(self.store.last_event)
        while True:
            after, found = await self._call(self.store.events, labels, after, since)
            for event in found:
                if not self.behaviour.deaf:
                    yield event
            await asyncio.sleep(_POLL_SECONDS)

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Read the archive's own manifest and hold its image, with the id a real engine would give it."""
        with tempfile.TemporaryFile() as file:
            async for chunk in archive:
                await asyncio.to_thread(file.write, chunk)
            image = await self._call(read_archive, file)
        await self._call(self.store.add_image, image)
        return image.id

    async def image(self, reference: str) -> EngineImage | None:
        """Return the image that was loaded, built or added."""
        images = await self._call(self.store.images)
        return next((image for image in images if reference == image.id or reference in image.tags), None)

    async def images(self) -> Sequence[EngineImage]:
        """Return the images that were loaded, built or added."""
        return await self._call(self.store.images)

    async def remove_image(self, reference: str) -> None:
        """Forget the image, unless a container uses it."""
        image = await self.image(reference)
        if image is None:
            return
        if any(container.image in {image.id, *image.tags} for container in await self.list({})):
            raise EngineRefused(f"A container uses the image {reference}; remove the container first.")
        await self._call(self.store.remove_image, image.id)

    async def build(self, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
        """Hold an image whose id is the digest of the context's Dockerfile."""
        content = await self._call((context / "Dockerfile").read_bytes)
        on_line(f"Built {tag}")
        image = EngineImage(digest(content + tag.encode()), (tag,), len(content), "1000", (8080, 4114), "amd64")
        await self._call(self.store.add_image, image)
        return image.id

    async def ensure_network(self, name: str) -> str:  # noqa: ARG002
        """Return the local address."""
        await self.ping()
        return "127.0.0.1"

    async def close(self) -> None:
        """Stop answering; forget everything if the engine was private."""
        for name in list(self._servers):
            self._silence(name)
        await asyncio.gather(*(server.ended() for server in self._stopped))
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)

    async def crash(self, name: str, exit_code: int = 1, *, oom_killed: bool = False) -> None:
        """End the container as if its process had died; works however this instance misbehaves."""
        await asyncio.to_thread(self.store.exit, name, exit_code, oom_killed=oom_killed)
        self._silence(name)

    def creates(self) -> dict[str, int]:
        """Return how many containers were ever made under each name, by any process."""
        return self.store.creates()

    async def _create(self, spec: ContainerSpec) -> None:
        server = FakeServer(lambda: self.behaviour.silent) if self._address is None else None
        address = await server.start() if server else self._address
        assert address is not None  # noqa: S101
        made = False
        try:
            made = await self._call(self._make, spec, dict.fromkeys(spec.ports, address))
        finally:
            if server and made:
                self._servers[spec.name] = server
            elif server:
                self._stop(server)
        if self.behaviour.raises_after_create:
            raise EngineUnavailable

    def _make(self, spec: ContainerSpec, ports: Mapping[int, Address]) -> bool:
        spec.refuse_late()
        return self.store.create(spec, ports)

    async def _require_image(self, reference: str) -> None:
        if self._strict_images and await self.image(reference) is None:
            raise ImageMissing(f"The engine does not have the image {reference}; load it first.")

    def _seen(self, container: Container) -> Container:
        if container.state is ContainerState.EXITED:
            self._silence(container.name)
        if container.state is ContainerState.EXITED and self.behaviour.says_running:
            return replace(container, state=ContainerState.RUNNING, exit_code=None, oom_killed=False, finished_at=None)
        return container if container.state is ContainerState.RUNNING else replace(container, ports={})

    def _silence(self, name: str) -> None:
        if server := self._servers.pop(name, None):
            self._stop(server)

    def _stop(self, server: FakeServer) -> None:
        server.stop()
        self._stopped.append(server)

    async def _call(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.behaviour.dead:
            raise EngineUnavailable
        await asyncio.sleep(self.behaviour.call_seconds)
        return await asyncio.to_thread(do, *args, **kwargs)
