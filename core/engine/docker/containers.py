"""Making sure, step by step, that one container of a name exists and runs."""

import time
from collections.abc import Callable
from typing import Any

import docker.errors

from core.engine.docker import spec as docker_spec
from core.engine.docker.client import reason
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
_LOOK_SECONDS = 0.02


def ensure(api: Any, spec: ContainerSpec, address: str, gateway: str) -> Container:
    """Create or adopt, check, start, and wait for the ports; each step asks what is already true."""
    attributes = _created(api, spec, address, gateway)
    if docker_spec.container(attributes).state is ContainerState.CREATED:
        _check_limits(api, attributes, spec)
        spec.refuse_late()
        api.start(spec.name)
    return _with_ports(api, spec)


def remove(api: Any, name: str) -> None:
    """Kill and delete; return when the name is free."""
    try:
        api.remove_container(name, force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # Another caller removes it right now.
            raise
    deadline = time.monotonic() + _GONE_SECONDS
    while inspect(api, name) is not None:
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"The engine does not finish removing {name}; try again later.")
        time.sleep(_LOOK_SECONDS)


def inspect(api: Any, name: str) -> Any | None:
    """Return what the engine says of the container, or None."""
    return unless_missing(lambda: api.inspect_container(name))


def unless_missing(do: Callable[[], Any]) -> Any | None:
    """Return what `do` returns, or None when the engine knows no such thing."""
    try:
        return do()
    except docker.errors.NotFound:
        return None


def _created(api: Any, spec: ContainerSpec, address: str, gateway: str) -> Any:
    """Create the container; if that fails because the name is taken, return the one that has it."""
    deadline = time.monotonic() + _NAME_SECONDS
    while True:
        spec.refuse_late()
        try:
            api.create_container(**docker_spec.creation(api, spec, address, gateway))
        except docker.errors.APIError as error:
            # Docker answers 409 to a taken name, Podman 500: only looking tells.
            if (attributes := inspect(api, spec.name)) is not None:
                return _ours(attributes, spec)
            # A taken name that nobody has: another caller is just creating or removing its container.
            if "already in use" not in str(error.explanation) or time.monotonic() > deadline:
                raise _why(error, spec) from error
            time.sleep(_LOOK_SECONDS)
        else:
            return api.inspect_container(spec.name)


def _ours(attributes: Any, spec: ContainerSpec) -> Any:
    if not spec.labels.items() <= (attributes["Config"].get("Labels") or {}).items():
        raise NameTaken(f"A container named {spec.name} exists, but its labels say that it is not ours.")
    return attributes


def _why(error: docker.errors.APIError, spec: ContainerSpec) -> Exception:
    if "no such image" in str(error.explanation).lower():
        return ImageMissing(f"The engine does not have the image {spec.image}; load it first.")
    if "already in use" in str(error.explanation):
        return EngineUnavailable(f"The engine neither shows nor frees the container {spec.name}; try again later.")
    return EngineRefused(reason(error))


def _check_limits(api: Any, attributes: Any, spec: ContainerSpec) -> None:
    if ignored := docker_spec.ignored_limits(attributes, spec.limits):
        remove(api, spec.name)
        raise EngineRefused(
            f"The engine ignored the {' and '.join(ignored)} limit of {spec.name}; it runs without cgroups."
        )


def _with_ports(api: Any, spec: ContainerSpec) -> Container:
    """Look until all ports are published or the container has ended."""
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
        time.sleep(_LOOK_SECONDS)
