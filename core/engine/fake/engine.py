"""A container engine without containers, for tests and benchmarks. A FaultProfile makes it slow or faulty."""

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
class FaultProfile:
    """The faults of a fake engine; the default has none."""

    unreachable: bool = False
    """Every call raises EngineUnavailable, like an endpoint whose host is gone."""
    call_seconds: float = 0.0
    """Every call takes this long."""
    start_seconds: float = 0.0
    """A container takes this long between its creation and its start."""
    raises_after_create: bool = False
    """`ensure` makes the container, then raises EngineUnavailable without having started it."""
    raises_after_start: bool = False
    """`ensure` makes and starts the container, then raises EngineUnavailable."""
    reports_exited_as_running: bool = False
    """A container that has exited is still reported as running, at its old address."""
    never_answers: bool = False
    """A container accepts connections and never answers."""
    crashes_after: float | None = None
    """A container exits this many seconds after its start."""
    exit_code: int = 1
    """The exit code of a crashing container."""
    ignores_limits: bool = False
    """The engine ignores limits, so that `ensure` refuses."""
    drops_events: bool = False
    """No event ever arrives."""


class FakeEngine:
    """An engine in a folder: instances in several processes that share the folder are one engine.

    Without `folder` the engine is private and is deleted by `close`. Each container answers HTTP on a local port of the
    process that created it, unless `address` is given: then every container has that address. `faults` may be changed
    at any time; it belongs to this instance. Every image exists, unless `strict_images`: then only those that were
    loaded, built or added.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        address: tuple[str, int] | None = None,
        faults: FaultProfile | None = None,
        strict_images: bool = False,
    ) -> None:
        self.faults = faults or FaultProfile()
        self._temporary = None if folder else Path(tempfile.mkdtemp(prefix="carrel-fake-"))
        self._address = Address(*address) if address else None
        self._strict_images = strict_images
        self._servers: dict[str, FakeServer] = {}
        self._stopped: list[FakeServer] = []
        engine_folder = folder or self._temporary
        assert engine_folder is not None  # noqa: S101
        engine_folder.mkdir(parents=True, exist_ok=True)
        self.store = FakeStore(engine_folder / "engine.sqlite3")

    async def ping(self) -> None:
        """Return, unless unreachable."""
        await self._call(self.store.last_event)

    async def architecture(self) -> str:
        """Return amd64, unless unreachable."""
        await self.ping()
        return "amd64"

    async def ensure(self, spec: ContainerSpec) -> Container:
        """Return the container of that name, created and started."""
        await self._require_image(spec.image)
        if self.faults.ignores_limits:
            raise EngineRefused(f"The engine ignored the limits of {spec.name}; it needs cgroups to enforce them.")
        if await self._call(self.store.container, spec.name) is None:
            await self._create(spec)
        await asyncio.sleep(self.faults.start_seconds)
        await self._call(self.store.start, spec.name, self.faults.crashes_after, self.faults.exit_code)
        if self.faults.raises_after_start:
            raise EngineUnavailable
        container = await self.inspect(spec.name)
        if container is None:
            raise EngineUnavailable(f"The container {spec.name} was removed while it started.")
        return container

    async def inspect(self, name: str) -> Container | None:
        """Return the container, or None."""
        container = await self._call(self.store.container, name)
        return self._as_reported(container) if container else None

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Return the containers with these labels."""
        return [self._as_reported(container) for container in await self._call(self.store.containers, labels)]

    async def stop(self, name: str, grace_seconds: float) -> None:  # noqa: ARG002
        """Exit the container with code 143 at once."""
        await self._call(self.store.exit, name, 143)
        self._stop_server(name)

    async def remove(self, name: str) -> None:
        """Delete the container."""
        await self._call(self.store.remove, name)
        self._stop_server(name)

    async def logs(self, name: str, tail: int) -> str:
        """Return the last lines given to `store.write_log`."""
        lines = await self._call(self.store.logs, name)
        return "".join(f"{line}\n" for line in lines[-tail:])

    async def events(self, labels: Mapping[str, str], since: datetime | None) -> AsyncIterator[EngineEvent]:
        """Yield events, polling every few milliseconds."""
        after = 0 if since else await self._call(self.store.last_event)
        while True:
            after, found = await self._call(self.store.events, labels, after, since)
            for event in found:
                if not self.faults.drops_events:
                    yield event
            await asyncio.sleep(_POLL_SECONDS)

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Read the archive's manifest and add its image, with the id that a real engine would give it."""
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
        """Delete the image, unless a container uses it."""
        image = await self.image(reference)
        if image is None:
            return
        if any(container.image in {image.id, *image.tags} for container in await self.list({})):
            raise EngineRefused(f"A container uses the image {reference}; remove the container first.")
        await self._call(self.store.remove_image, image.id)

    async def build(self, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
        """Add an image whose id is the digest of the context's Dockerfile."""
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
        """Stop the servers; delete everything if the engine is private."""
        for name in list(self._servers):
            self._stop_server(name)
        await asyncio.gather(*(server.wait_closed() for server in self._stopped))
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)

    async def crash(self, name: str, exit_code: int = 1, *, oom_killed: bool = False) -> None:
        """Exit the container as if its process had crashed; it works whatever the faults."""
        await asyncio.to_thread(self.store.exit, name, exit_code, oom_killed=oom_killed)
        self._stop_server(name)

    def creation_counts(self) -> dict[str, int]:
        """Return how many containers were ever created under each name, by any process."""
        return self.store.creation_counts()

    async def _create(self, spec: ContainerSpec) -> None:
        server = FakeServer(lambda: self.faults.never_answers) if self._address is None else None
        address = await server.start() if server else self._address
        assert address is not None  # noqa: S101
        is_created = False
        try:
            is_created = await self._call(self._create_row, spec, dict.fromkeys(spec.ports, address))
        finally:
            if server and is_created:
                self._servers[spec.name] = server
            elif server:
                self._close_server(server)
        if self.faults.raises_after_create:
            raise EngineUnavailable

    def _create_row(self, spec: ContainerSpec, ports: Mapping[int, Address]) -> bool:
        spec.check_deadline()
        return self.store.create(spec, ports)

    async def _require_image(self, reference: str) -> None:
        if self._strict_images and await self.image(reference) is None:
            raise ImageMissing(f"The engine does not have the image {reference}; load it first.")

    def _as_reported(self, container: Container) -> Container:
        if container.state is ContainerState.EXITED:
            self._stop_server(container.name)
        if container.state is ContainerState.EXITED and self.faults.reports_exited_as_running:
            return replace(container, state=ContainerState.RUNNING, exit_code=None, oom_killed=False, finished_at=None)
        return container if container.state is ContainerState.RUNNING else replace(container, ports={})

    def _stop_server(self, name: str) -> None:
        if server := self._servers.pop(name, None):
            self._close_server(server)

    def _close_server(self, server: FakeServer) -> None:
        server.stop()
        self._stopped.append(server)

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.faults.unreachable:
            raise EngineUnavailable
        await asyncio.sleep(self.faults.call_seconds)
        return await asyncio.to_thread(function, *args, **kwargs)
