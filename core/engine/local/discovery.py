"""Where the container engine is: the one that was named, one that runs already, or a private one started here."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from core.concurrency.cancellable_thread import Patience, on_a_thread
from core.engine.local.private_docker import PrivateDocker
from core.engine.local.sockets import answers, usual_sockets
from core.engine.protocol import EngineUnavailable

Say = Callable[[str], None]

_PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
_INSTALL_SECONDS = 600


@asynccontextmanager
async def engine_host(docker_host: str | None, folder: Path, say: Say) -> AsyncIterator[str]:
    """Yield the URL of an engine that answers, and stop it afterwards if nobody but us needed it.

    In order: `docker_host`, which must answer; a Docker or Podman socket at a usual place; as root on a Debian-like
    system a private Docker in `folder`, installed first when missing, after saying so through `say`. Else
    EngineUnavailable says what to install.
    """
    url = await asyncio.to_thread(find, docker_host)
    if url:
        yield url
        return
    await on_a_thread(lambda patience: prepare(say, patience))
    docker = PrivateDocker(folder)
    say(f"Starting a private Docker in {folder}")
    try:
        yield await on_a_thread(docker.start)
    finally:
        await asyncio.to_thread(docker.stop)


def find(docker_host: str | None) -> str | None:
    """Return the URL of an engine that answers now, or None; one that was named must answer."""
    if docker_host:
        if docker_host.startswith("unix://") and not answers(Path(urlsplit(docker_host).path)):
            raise EngineUnavailable(f"No container engine answers at DOCKER_HOST={docker_host}; start it, or unset it.")
        return docker_host
    return next((f"unix://{path}" for path in usual_sockets() if answers(path)), None)


def prepare(say: Say, patience: Patience) -> None:
    """Install what a private Docker needs, where we may; else EngineUnavailable says what a person should install."""
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program)]
    if os.geteuid() != 0 or (missing and not shutil.which("apt-get")):
        raise EngineUnavailable(
            "No container engine answers; install and start Docker (docs.docker.com/engine/install) or Podman, "
            "or set DOCKER_HOST to one that runs."
        )
    if missing:
        say(f"No container engine found; installing {', '.join(missing)} with apt-get")
        _apt(patience, "update", "--quiet")
        _apt(patience, "install", "--quiet", "--yes", "--no-install-recommends", *missing)


def _apt(patience: Patience, *arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with patience.program(
        ["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            said = process.communicate(timeout=_INSTALL_SECONDS)[1]
        except subprocess.TimeoutExpired as error:
            raise EngineUnavailable(f"apt-get {arguments[0]} took longer than {_INSTALL_SECONDS} s.") from error
    if process.returncode:
        last = (said.strip().splitlines() or ["no reason given"])[-1]
        raise EngineUnavailable(f"apt-get {arguments[0]} failed ({last}); install Docker by hand, or set DOCKER_HOST.")
