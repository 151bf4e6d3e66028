"""The Docker engine that tests use: the one there is, or one of our own whose images last from run to run."""

import atexit
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from core.concurrency.cancellable_thread import Patience
from core.engine.local.discovery import find, prepare
from core.engine.local.private_docker import PrivateDocker

CACHE = Path(os.environ.get("CARREL_TEST_CACHE", Path(__file__).parents[1] / "build" / "test-cache"))


@cache
def docker_host() -> str:
    """Return the URL of an engine that answers; one of our own is stopped at exit by the last process that uses it."""
    url = find(os.environ.get("DOCKER_HOST"))
    if url:
        return url
    said: list[str] = []
    prepare(said.append, Patience())
    docker = PrivateDocker(CACHE / "docker")
    atexit.register(docker.stop)
    return docker.start()


@cache
def workstation_image() -> str:
    """Build the example workstation in that engine, quick when it was built before, and return its reference."""
    _build_image("workstation")
    return "carrel/workstation:latest"


@cache
def workstation_archive() -> Path:
    """Return the example workstation as an archive to upload."""
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
