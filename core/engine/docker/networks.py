"""Bridge networks whose containers cannot reach one another."""

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
    """Creates isolated bridges: one for all containers in Docker, one for each container in Podman.

    Podman isolates bridges from each other, but not the containers on one bridge. All methods block: call them in the
    engine's threads.
    """

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._gateways: dict[str, str] = {}

    def assign_bridge(self, name: str, network: str) -> tuple[str, str]:
        """Return the bridge of the container `name` for `network`, and the host's address on it."""
        bridge = name if self._client.is_podman() else network
        return bridge, self.ensure(bridge)

    def ensure(self, name: str) -> str:
        """Return the host's address on the bridge `name`, created when missing."""
        with self._lock:
            # In Podman each container has its own bridge, which may have been removed since.
            if name not in self._gateways or self._client.is_podman():
                self._gateways[name] = self._ensure(name)
            return self._gateways[name]

    def drop_cached(self, name: str) -> None:
        """Drop the cached gateway, so that the next `ensure` asks the engine."""
        self._gateways.pop(name, None)

    def release_bridge(self, name: str) -> None:
        """Remove the container's own bridge after the container was removed."""
        if self._client.is_podman():
            self.drop_cached(name)
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
            # Another process may have created it just now.
            network = unless_missing(lambda: api.inspect_network(name))
            if network is None:
                raise
            return network
        return api.inspect_network(name)


def _create_podman(api: Any, name: str) -> None:
    """Use Podman's own API, because its Docker API drops the option that isolates."""
    body = {"name": name, "driver": "bridge", "options": {"isolate": "true"}}
    response: requests.Response = api.post(f"{api.base_url}{_LIBPOD}", json=body, timeout=api.timeout)
    if not response.ok:
        raise docker.errors.APIError(response.reason, response, response.text)
