"""Creates or adopts one container by name and waits until it runs; the Docker engine calls it in its threads."""

import time
from collections.abc import Callable
from typing import Any

import docker.errors

from core.engine.docker import spec as docker_spec
from core.engine.docker.client import refusal_sentence
from core.engine.protocol import (
    Container,
    ContainerSpec,
    ContainerState,
    EngineRefused,
    EngineUnavailable,
    ImageMissing,
    NameTaken,
)

_PORTS_SECONDS = 10.0
_GONE_SECONDS = 10.0
_NAME_SECONDS = 10.0
_POLL_SECONDS = 0.02


def ensure(api: Any, spec: ContainerSpec, address: str, gateway: str) -> Container:
    """Create or adopt the container, check its limits, start it, wait for its ports; every step is idempotent."""
    attributes = _create_or_adopt(api, spec, address, gateway)
    if docker_spec.container(attributes).state is ContainerState.CREATED:
        _check_limits(api, attributes, spec)
        spec.check_deadline()
        api.start(spec.name)
    return _wait_for_ports(api, spec)


def remove(api: Any, name: str) -> None:
    """Kill and delete the container; return when the name is free."""
    try:
        api.remove_container(name, force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # 409: another caller is removing it right now.
            raise
    deadline = time.monotonic() + _GONE_SECONDS
    while inspect(api, name) is not None:
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"The engine does not finish removing {name}; try again later.")
        time.sleep(_POLL_SECONDS)


def inspect(api: Any, name: str) -> Any | None:
    """Return the engine's attributes of the container, or None."""
    return unless_missing(lambda: api.inspect_container(name))


def unless_missing(function: Callable[[], Any]) -> Any | None:
    """Return the result of `function`, or None when the engine answers 404."""
    try:
        return function()
    except docker.errors.NotFound:
        return None


def _create_or_adopt(api: Any, spec: ContainerSpec, address: str, gateway: str) -> Any:
    """Create the container or, if its name is taken, return the existing one."""
    deadline = time.monotonic() + _NAME_SECONDS
    while True:
        spec.check_deadline()
        try:
            api.create_container(**docker_spec.create_arguments(api, spec, address, gateway))
        except docker.errors.APIError as error:
            # For a taken name Docker answers 409 and Podman 500, so inspect decides.
            if (attributes := inspect(api, spec.name)) is not None:
                return _require_labels(attributes, spec)
            # The name is taken but has no container yet: another caller is creating or removing it right now.
            if "already in use" not in str(error.explanation) or time.monotonic() > deadline:
                raise _creation_error(error, spec) from error
            time.sleep(_POLL_SECONDS)
        else:
            return api.inspect_container(spec.name)


def _require_labels(attributes: Any, spec: ContainerSpec) -> Any:
    if not spec.labels.items() <= (attributes["Config"].get("Labels") or {}).items():
        raise NameTaken(
            f"A container named {spec.name} exists with other labels: this installation did not create it;"
            " remove or rename it."
        )
    return attributes


def _creation_error(error: docker.errors.APIError, spec: ContainerSpec) -> Exception:
    if "no such image" in str(error.explanation).lower():
        return ImageMissing(f"The engine does not have the image {spec.image}; load it first.")
    if "already in use" in str(error.explanation):
        return EngineUnavailable(f"The engine neither shows nor frees the container {spec.name}; try again later.")
    return EngineRefused(refusal_sentence(error))


def _check_limits(api: Any, attributes: Any, spec: ContainerSpec) -> None:
    if ignored := docker_spec.ignored_limits(attributes, spec.limits):
        remove(api, spec.name)
        raise EngineRefused(
            f"The engine ignored the {' and '.join(ignored)} limit of {spec.name}; it runs without cgroups."
        )


def _wait_for_ports(api: Any, spec: ContainerSpec) -> Container:
    """Poll until all ports are published or the container has ended."""
    deadline = time.monotonic() + _PORTS_SECONDS
    while True:
        attributes = inspect(api, spec.name)
        if attributes is None:
            raise EngineUnavailable(f"The container {spec.name} was removed while it started.")
        container = docker_spec.container(attributes)
        if container.state is not ContainerState.RUNNING or container.ports.keys() >= set(spec.ports):
            return container
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"The engine does not publish the ports of {spec.name}; try again later.")
        time.sleep(_POLL_SECONDS)
