"""The container engine over the Docker API: Docker, or Podman's socket."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from core.engine.docker import containers as docker_containers
from core.engine.docker import images as docker_images
from core.engine.docker import spec as docker_spec
from core.engine.docker.client import PING_SECONDS, DockerClient
from core.engine.docker.containers import unless_missing
from core.engine.docker.events import SILENCE_SECONDS, follow
from core.engine.docker.networks import DockerNetworks
from core.engine.protocol import Container, ContainerSpec, EngineEvent, EngineImage, EngineRefused
from core.errors import Conflict

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


class DockerEngine:
    """The engine at `url`, which publishes its containers' ports on `address`.

    A TLS endpoint needs `certificates`, a folder with `ca.pem`, `cert.pem` and `key.pem`. After `silence_seconds`
    without an event the engine must answer a ping.
    """

    def __init__(
        self,
        url: str,
        *,
        address: str = "127.0.0.1",
        certificates: Path | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._client = DockerClient(url, certificates)
        self._address = address
        self._silence_seconds = silence_seconds
        self._networks = DockerNetworks(self._client)

    async def ping(self) -> None:
        """Return when the engine answers."""
        await self._client.call(lambda: self._client.api(PING_SECONDS).ping())

    async def architecture(self) -> str:
        """Return the processor architecture as images name it."""
        machine = str((await self._client.call(lambda: self._client.api().info()))["Architecture"])
        return MACHINES.get(machine, machine)

    async def ensure(self, spec: ContainerSpec) -> Container:
        """Return the container of that name, created and started, with its ports."""
        try:
            return await self._client.call_shielded(self._ensure, spec)
        except EngineRefused as error:
            if "network" not in error.message:
                raise
        # The cached network may have been pruned since.
        self._networks.drop_cached(spec.network)
        return await self._client.call_shielded(self._ensure, spec)

    async def inspect(self, name: str) -> Container | None:
        """Return the container as it is now, or None."""
        attributes = await self._client.call(lambda: docker_containers.inspect(self._client.api(), name))
        return docker_spec.container(attributes) if attributes else None

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Return all containers with these labels."""
        filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
        rows = await self._client.call(lambda: self._client.api().containers(all=True, filters=filters))
        found = await asyncio.gather(*(self.inspect(row["Id"]) for row in rows))
        return [container for container in found if container]

    async def stop(self, name: str, grace_seconds: float) -> None:
        """Stop the container; kill it after `grace_seconds`."""
        await self._client.call(unless_missing, lambda: self._client.api().stop(name, timeout=math.ceil(grace_seconds)))

    async def remove(self, name: str) -> None:
        """Kill and delete the container."""
        await self._client.call(self._remove, name)

    async def logs(self, name: str, tail: int) -> str:
        """Return the last lines of both streams."""
        output = await self._client.call(
            unless_missing, lambda: self._client.api().logs(name, timestamps=True, tail=tail, stream=False)
        )
        return (output or b"").decode(errors="replace")

    def events(self, labels: Mapping[str, str], since: datetime | None) -> AsyncIterator[EngineEvent]:
        """Yield the events of containers with these labels."""
        return follow(self._client, labels, since, self._silence_seconds)

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Stream the archive into the engine and return its image's id."""
        feed = docker_images.ArchiveFeed(archive)
        try:
            return await self._client.stream(docker_images.load, self._client, feed)
        finally:
            feed.stop()

    async def image(self, reference: str) -> EngineImage | None:
        """Return the image, or None."""
        attributes = await self._client.call(unless_missing, lambda: self._client.api().inspect_image(reference))
        return docker_spec.image(attributes) if attributes else None

    async def images(self) -> Sequence[EngineImage]:
        """Return every image of the engine."""
        rows = await self._client.call(lambda: self._client.api().images())
        found = await asyncio.gather(*(self.image(row["Id"]) for row in rows))
        return [image for image in found if image]

    async def remove_image(self, reference: str) -> None:
        """Delete the image and its tags, unless a container uses it."""
        image = await self.image(reference)
        for name in (*image.tags, image.id) if image else ():
            await self._client.call(self._remove_image, name)

    async def build(self, context: Path, tag: str, on_line: Callable[[str], None]) -> str:
        """Build the folder as `tag` and return the image's id."""
        loop = asyncio.get_running_loop()

        def forward_line(line: str) -> None:
            loop.call_soon_threadsafe(on_line, line)

        return await self._client.stream(docker_images.build, self._client, context, tag, forward_line)

    async def ensure_network(self, name: str) -> str:
        """Return the host's address on the bridge `name`, created when missing."""
        return await self._client.call(self._networks.ensure, name)

    async def close(self) -> None:
        """Close connections and threads."""
        self._client.close()

    def _ensure(self, spec: ContainerSpec) -> Container:
        api = self._client.api()
        network, gateway = self._networks.assign_bridge(spec.name, spec.network)
        try:
            return docker_containers.ensure(api, replace(spec, network=network), self._address, gateway)
        except (EngineRefused, Conflict):
            if docker_containers.inspect(api, spec.name) is None:
                self._networks.release_bridge(spec.name)
            raise

    def _remove(self, name: str) -> None:
        docker_containers.remove(self._client.api(), name)
        self._networks.release_bridge(name)

    def _remove_image(self, name: str) -> None:
        unless_missing(lambda: self._client.api().remove_image(name))
