"""Finds the container engine of this machine: the configured one, a running one, or a private one."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from core.concurrency.cancellable_thread import ThreadCancellation, run_in_thread
from core.engine.local.private_docker import PrivateDocker
from core.engine.local.sockets import default_sockets, is_answering
from core.engine.protocol import EngineUnavailable

ProgressCallback = Callable[[str], None]

_PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
_INSTALL_SECONDS = 600


@asynccontextmanager
async def engine_host(docker_host: str | None, folder: Path, on_progress: ProgressCallback) -> AsyncIterator[str]:
    """Yield the URL of an engine that answers, and stop it afterwards if this program was its last user.

    In order: `docker_host`, which must answer; a Docker or Podman socket at a default path; as root on a Debian-like
    system a private Docker in `folder`, installed first when missing and announced through `on_progress`. Otherwise
    EngineUnavailable names what to install.
    """
    url = await asyncio.to_thread(find_engine, docker_host)
    if url:
        yield url
        return
    await run_in_thread(lambda cancellation: install_docker(on_progress, cancellation))
    docker = PrivateDocker(folder)
    on_progress(f"Starting a private Docker in {folder}")
    try:
        yield await run_in_thread(docker.start)
    finally:
        await asyncio.to_thread(docker.stop)


def find_engine(docker_host: str | None) -> str | None:
    """Return the URL of an engine that answers, or None; a configured one must answer."""
    if docker_host:
        if docker_host.startswith("unix://") and not is_answering(Path(urlsplit(docker_host).path)):
            raise EngineUnavailable(f"No container engine answers at DOCKER_HOST={docker_host}; start it, or unset it.")
        return docker_host
    return next((f"unix://{path}" for path in default_sockets() if is_answering(path)), None)


def install_docker(on_progress: ProgressCallback, cancellation: ThreadCancellation) -> None:
    """Install the packages of a private Docker as root; otherwise EngineUnavailable names what to install."""
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program)]
    if os.geteuid() != 0 or (missing and not shutil.which("apt-get")):
        raise EngineUnavailable(
            "No container engine answers; install and start Docker (docs.docker.com/engine/install) or Podman, "
            "or set DOCKER_HOST to one that runs."
        )
    if missing:
        on_progress(f"No container engine found; installing {', '.join(missing)} with apt-get")
        _apt(cancellation, "update", "--quiet")
        _apt(cancellation, "install", "--quiet", "--yes", "--no-install-recommends", *missing)


def _apt(cancellation: ThreadCancellation, *arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with cancellation.run_process(
        ["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            errors = process.communicate(timeout=_INSTALL_SECONDS)[1]
        except subprocess.TimeoutExpired as error:
            raise EngineUnavailable(f"apt-get {arguments[0]} took longer than {_INSTALL_SECONDS} s.") from error
    if process.returncode:
        last = (errors.strip().splitlines() or ["no reason given"])[-1]
        raise EngineUnavailable(f"apt-get {arguments[0]} failed ({last}); install Docker by hand, or set DOCKER_HOST.")
