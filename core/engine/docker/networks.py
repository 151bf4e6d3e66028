"""Bridges on which containers cannot reach one another."""

import threading
from typing import Any

import docker.errors
import requests

from core.engine.docker.client import DockerClient
from core.engine.docker.containers import unless_missing
from core.engine.protocol import EngineRefused

ISOLATED = {"com.docker.network.bridge.enable_icc": "false"}
_LIBPOD = "/v4.0.0/libpod/networks/create"


class DockerNetworks:
    """Docker keeps containers apart on one bridge; Podman only keeps bridges apart: there each container has its own.

    All methods block: call them on the engine's threads.
    """

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._gateways: dict[str, str] = {}

    def place(self, name: str, network: str) -> tuple[str, str]:
        """Return the bridge for the container `name` that is wished on `network`, and the host's address on it."""
        bridge = name if self._client.is_podman() else network
        return bridge, self.ensure(bridge)

    def ensure(self, name: str) -> str:
        """Return the host's address on the bridge `name`, made when missing."""
        with self._lock:
            if name not in self._gateways or self._client.is_podman():
                self._gateways[name] = self._ensure(name)
            return self._gateways[name]

    def forget(self, name: str) -> None:
        """Look at the engine again at the next `ensure`."""
        self._gateways.pop(name, None)

    def leave(self, name: str) -> None:
        """Remove what `place` made for the container `name` alone, once the container is gone."""
        if self._client.is_podman():
            self.forget(name)
            unless_missing(lambda: self._client.api().remove_network(name))

    def _ensure(self, name: str) -> str:
        api = self._client.api()
        network = unless_missing(lambda: api.inspect_network(name)) or self._create(api, name)
        if not self._client.is_podman() and not ISOLATED.items() <= (network.get("Options") or {}).items():
            raise EngineRefused(f"On the engine's network {name} containers can reach one another; remove it first.")
        return str(network["IPAM"]["Config"][0]["Gateway"])

    def _create(self, api: Any, name: str) -> Any:
        try:
            if self._client.is_podman():
                _create_podman(api, name)
            else:
                api.create_network(name, driver="bridge", options=ISOLATED, check_duplicate=True)
        except docker.errors.APIError:
            # Another process may have made it just now.
            network = unless_missing(lambda: api.inspect_network(name))
            if network is None:
                raise
            return network
        return api.inspect_network(name)


def _create_podman(api: Any, name: str) -> None:
    """Ask in Podman's own words, since Docker's drop the option that isolates."""
    wish = {"name": name, "driver": "bridge", "options": {"isolate": "true"}}
    answer: requests.Response = api.post(f"{api.base_url}{_LIBPOD}", json=wish, timeout=api.timeout)
    if not answer.ok:
        raise docker.errors.APIError(answer.reason, answer, answer.text)
