"""The Docker engine of the tests: an existing one, or a private one whose images persist between runs."""

import atexit
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from core.concurrency.cancellable_thread import ThreadCancellation
from core.engine.local.discovery import find_engine, install_docker
from core.engine.local.private_docker import PrivateDocker

CACHE = Path(os.environ.get("CARREL_TEST_CACHE", Path(__file__).parents[1] / "build" / "test-cache"))


@cache
def docker_host() -> str:
    """Return the URL of a running engine; the last process that uses a private one stops it at exit."""
    url = find_engine(os.environ.get("DOCKER_HOST"))
    if url:
        return url
    said: list[str] = []
    install_docker(said.append, ThreadCancellation())
    docker = PrivateDocker(CACHE / "docker")
    atexit.register(docker.stop)
    return docker.start()


@cache
def workstation_image() -> str:
    """Build the example workstation in that engine, or use the cached image, and return its reference."""
    _build_image("workstation")
    return "carrel/workstation:latest"


@cache
def workstation_archive() -> Path:
    """Return the archive of the example workstation."""
    archive = CACHE / "workstation.tar.gz"
    _build_image("workstation", "--output", str(archive))
    return archive


def _build_image(*arguments: str) -> None:
    script = Path(__file__).parents[1] / "examples" / "build_image.py"
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, str(script), *arguments, "--docker-host", docker_host()],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
