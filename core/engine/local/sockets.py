"""The unix sockets of container engines on this machine."""

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_ANSWER_SECONDS = 3.0


def default_sockets() -> Iterator[Path]:
    """Yield the default sockets of Docker and Podman, the system's first."""
    home, runtime = Path.home(), os.environ.get("XDG_RUNTIME_DIR")
    yield Path("/var/run/docker.sock")
    if runtime:
        yield Path(runtime) / "docker.sock"
    yield home / ".docker/run/docker.sock"
    yield home / ".docker/desktop/docker.sock"
    yield home / ".colima/default/docker.sock"
    yield Path("/run/podman/podman.sock")
    if runtime:
        yield Path(runtime) / "podman/podman.sock"
    yield home / ".local/share/containers/podman/machine/podman.sock"


def is_answering(path: Path) -> bool:
    """Return whether an engine answers on this unix socket."""
    try:
        return http_get(path, "/_ping") == b"OK"
    except (OSError, http.client.HTTPException):
        return False


def http_get(path: Path, url: str) -> bytes:
    """Return the body of a GET to the engine on this socket; OSError or HTTPException on failure."""
    connection = http.client.HTTPConnection("localhost", timeout=_ANSWER_SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ANSWER_SECONDS)
        connection.sock.connect(str(path))
        connection.request("GET", url)
        return connection.getresponse().read()
    finally:
        connection.close()
