"""Translates between the protocol's containers, images and events and those of the Docker API."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.engine.protocol import (
    Address,
    Container,
    ContainerLimits,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    EngineImage,
    EventAction,
)

HOST_NAME = "host.docker.internal"
_LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
_STATES = {
    "created": ContainerState.CREATED,
    "configured": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "paused": ContainerState.RUNNING,
    "restarting": ContainerState.RUNNING,
    "stopping": ContainerState.RUNNING,
    "removing": ContainerState.GONE,
}
_ACTIONS = {
    "start": EventAction.START,
    "die": EventAction.DIE,
    "died": EventAction.DIE,
    "destroy": EventAction.REMOVE,
    "remove": EventAction.REMOVE,
}


def create_arguments(api: Any, spec: ContainerSpec, address: str, gateway: str) -> dict[str, Any]:
    """Return the arguments of the SDK's `create_container` for a hardened container."""
    return {
        "name": spec.name,
        "image": spec.image,
        "command": list(spec.command) if spec.command else None,
        "labels": dict(spec.labels),
        "environment": dict(spec.environment),
        "ports": list(spec.ports),
        "healthcheck": {"test": ["NONE"]},
        "host_config": api.create_host_config(
            port_bindings=dict.fromkeys(spec.ports, (address,)),
            network_mode=spec.network,
            extra_hosts={HOST_NAME: gateway},
            mem_limit=spec.limits.memory_bytes,
            # Equal to the memory limit: no additional swap.
            memswap_limit=spec.limits.memory_bytes,
            nano_cpus=_nano(spec.limits),
            pids_limit=spec.limits.pids,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            init=True,
            log_config=_LOG,
            restart_policy={"Name": "no"},
        ),
    }


def ignored_limits(attributes: Mapping[str, Any], limits: ContainerLimits) -> list[str]:
    """Return the names of the limits that the engine did not apply."""
    host = attributes["HostConfig"]
    cpus = host.get("NanoCpus") or 1e9 * (host.get("CpuQuota") or 0) / (host.get("CpuPeriod") or 100_000)
    applied = {
        "memory": host.get("Memory") == limits.memory_bytes,
        "swap": host.get("MemorySwap") == limits.memory_bytes,
        "CPU": round(cpus) == _nano(limits),
        "process": host.get("PidsLimit") == limits.pids,
    }
    return [name for name, is_applied in applied.items() if not is_applied]


def container(attributes: Mapping[str, Any]) -> Container:
    """Return the container from the result of `inspect_container`."""
    state = attributes["State"]
    container_state = _STATES.get(state["Status"], ContainerState.EXITED)
    return Container(
        name=attributes["Name"].removeprefix("/"),
        id=attributes["Id"],
        state=container_state,
        image=attributes["Image"] if ":" in attributes["Image"] else f"sha256:{attributes['Image']}",
        labels=attributes["Config"].get("Labels") or {},
        ports=_ports(attributes) if container_state is ContainerState.RUNNING else {},
        exit_code=state["ExitCode"] if container_state is ContainerState.EXITED else None,
        oom_killed=bool(state.get("OOMKilled")),
        started_at=parse_time(state.get("StartedAt")),
        finished_at=parse_time(state.get("FinishedAt")) if container_state is ContainerState.EXITED else None,
    )


def image(attributes: Mapping[str, Any]) -> EngineImage:
    """Return the image from the result of `inspect_image`."""
    settings = attributes.get("Config") or {}
    return EngineImage(
        id=attributes["Id"] if ":" in attributes["Id"] else f"sha256:{attributes['Id']}",
        tags=tuple(attributes.get("RepoTags") or ()),
        size_bytes=attributes["Size"],
        user=settings.get("User") or "",
        exposed_ports=tuple(sorted(int(port.split("/")[0]) for port in settings.get("ExposedPorts") or {})),
        architecture=attributes["Architecture"],
        os=attributes["Os"],
    )


def event(message: Mapping[str, Any]) -> EngineEvent | None:
    """Return the event of a message of the event stream; None for events that are not used."""
    action = _ACTIONS.get(message.get("Action") or message.get("status") or "")
    if action is None:
        return None
    attributes = message["Actor"]["Attributes"]
    code = attributes.get("exitCode") or attributes.get("containerExitCode")
    at = datetime.fromtimestamp(message["timeNano"] / 1e9, UTC)
    ended = action is EventAction.DIE and code is not None
    return EngineEvent(attributes["name"], action, int(code) if ended else None, at)


def parse_time(text: str | None) -> datetime | None:
    """Parse the engine's time, which has nanoseconds; its year 1 means never."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)


def _nano(limits: ContainerLimits) -> int:
    return round(limits.cpus * 1e9)


def _ports(attributes: Mapping[str, Any]) -> dict[int, Address]:
    published = (attributes.get("NetworkSettings") or {}).get("Ports") or {}
    return {
        int(port.split("/")[0]): Address(bindings[0]["HostIp"], int(bindings[0]["HostPort"]))
        for port, bindings in published.items()
        if bindings and int(bindings[0].get("HostPort") or 0)
    }
