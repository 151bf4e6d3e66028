"""The unix sockets that container engines listen on."""

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_ANSWER_SECONDS = 3.0


def usual_sockets() -> Iterator[Path]:
    """Yield where Docker and Podman listen on ordinary machines, the system's own first."""
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


def answers(path: Path) -> bool:
    """Say whether an engine answers on this unix socket."""
    try:
        return ask(path, "/_ping") == b"OK"
    except (OSError, http.client.HTTPException):
        return False


def ask(path: Path, question: str) -> bytes:
    """Return what the engine on this unix socket answers to a GET; OSError or HTTPException when it does not."""
    connection = http.client.HTTPConnection("localhost", timeout=_ANSWER_SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ANSWER_SECONDS)
        connection.sock.connect(str(path))
        connection.request("GET", question)
        return connection.getresponse().read()
    finally:
        connection.close()
