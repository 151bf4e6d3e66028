"""Install the system packages that are missing, by apt-get where that is possible: system.py [up|test|venv]."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock")


@dataclass(frozen=True)
class Need:
    """One thing of the system: what it is for, the Debian packages that bring it, and how to see that it is there."""

    purpose: str
    packages: tuple[str, ...]
    there: Callable[[], bool]


def main() -> int:
    """Install what the named purpose lacks; what cannot be installed is said in one sentence and is not fatal here."""
    purpose = sys.argv[1] if len(sys.argv) > 1 else "up"
    if purpose not in NEEDS:
        print(f"There is no purpose named {purpose}; say {', '.join(NEEDS)}.", file=sys.stderr)
        return 2
    missing = [need for need in NEEDS[purpose] if not need.there()]
    if not missing:
        return 0
    if can_install():
        install(missing)
    return report([need for need in missing if not need.there()])


def can_install() -> bool:
    """Say whether this is a Debian-like system on which we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(missing: list[Need]) -> None:
    """Install need by need with apt-get, telling which and why, so that one that fails does not stop the others."""
    apt_get("update")
    for need in missing:
        print(f"Installing {' '.join(need.packages)} for {need.purpose} …", flush=True)
        apt_get("install", "--yes", "--no-install-recommends", *need.packages)


def apt_get(*arguments: str) -> None:
    """Run apt-get without questions; its words are shown when it fails."""
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"`apt-get {arguments[0]}` failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}", file=sys.stderr)


def report(missing: list[Need]) -> int:
    """Say in one sentence what is still missing, and how to get it."""
    if missing:
        things = "; ".join(f"{' '.join(need.packages)} for {need.purpose}" for need in missing)
        packages = " ".join(package for need in missing for package in need.packages)
        print(f"Not there: {things}. Install it, on Debian with `sudo apt-get install {packages}`.", file=sys.stderr)
    return 0


def command(*names: str) -> Callable[[], bool]:
    """Return a check that any of these commands can be found; daemons often stand outside a user's PATH."""
    folders = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"
    return lambda: any(shutil.which(name, path=folders) for name in names)


def configured(variable: str, otherwise: Callable[[], bool]) -> Callable[[], bool]:
    """Return a check that holds when the operator named such a service of their own."""
    return lambda: bool(os.environ.get(variable)) or otherwise()


def has_engine() -> bool:
    """Say whether a container engine is installed or its socket is there."""
    return command("dockerd", "podman")() or any(Path(socket).exists() for socket in SOCKETS)


def has_postgresql() -> bool:
    """Say whether PostgreSQL's server programs are there; Debian keeps them in a folder per version."""
    return bool(list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))) or command("initdb")()


def has_venv() -> bool:
    """Say whether this Python can make a virtual environment with pip in it."""
    return find_spec("ensurepip") is not None


VENV = Need("the virtual environment", (f"python{sys.version_info[0]}.{sys.version_info[1]}-venv",), has_venv)
REDIS = Need("events and queues", ("redis-server",), command("redis-server", "valkey-server"))
ENGINE = Need("containers", ("docker.io", "iproute2"), has_engine)
BASE_IMAGE = Need("base images without a registry", ("mmdebstrap",), command("mmdebstrap"))
POSTGRESQL = Need("tests on PostgreSQL", ("postgresql",), has_postgresql)
BROWSER = Need("tests in a browser", ("chromium",), command("chromium", "chromium-browser", "google-chrome"))
GIT = Need("comparisons with what was before", ("git",), command("git"))

UP = (
    Need(REDIS.purpose, REDIS.packages, configured("REDIS_URL", REDIS.there)),
    Need(ENGINE.purpose, ENGINE.packages, configured("DOCKER_HOST", ENGINE.there)),
    BASE_IMAGE,
)
NEEDS: Mapping[str, tuple[Need, ...]] = {
    "up": UP,
    "test": (GIT, REDIS, UP[1], BASE_IMAGE, POSTGRESQL, BROWSER),
    "venv": (VENV,),
}

if __name__ == "__main__":
    sys.exit(main())
