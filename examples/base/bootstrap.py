"""Ensure that an engine has the base image of the examples: Debian with Python, pulled or bootstrapped.

The image is rebuilt if its recipe changes, and once a month for Debian's security updates.

Usage: python examples/base/bootstrap.py [--docker-host URL]
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import docker
import docker.errors

NAME, TAG = "carrel/base", "bookworm"
BASE = f"{NAME}:{TAG}"
PULLED = "python:3.11-slim-bookworm"
PACKAGES = (
    "base-files,coreutils,dash,libc-bin,libpython3-stdlib,libstdc++6,media-types,netbase,python3-minimal,python3-venv"
)
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\\nreader:x:1000:1000:reader:/home/reader:/bin/sh\\n",
    "group": "root:x:0:\\nreader:x:1000:\\n",
}


def ensure_base(api: Any, report: Callable[[str], None], today: date | None = None) -> None:
    """Pull the base image if a registry is reachable, else bootstrap it from Debian's packages; keep a fresh image."""
    fresh = fresh_tag(today or datetime.now(UTC).date())
    if _has(api, f"{NAME}:{fresh}") and _has(api, BASE):
        return
    try:
        if not _pull(api, report):
            _bootstrap(api, report)
    except BuildFailed as failure:
        if not _has(api, BASE):
            sys.exit(f"{failure} Or load an image as {BASE}.")
        report(f"{failure} Using the existing base image, although it is not fresh.")
        return
    _tag_fresh(api, fresh)


def fresh_tag(today: date) -> str:
    """Return the second tag of a fresh base image: a hash of its recipe, and its month."""
    recipe = hashlib.sha256(repr((PULLED, _command())).encode()).hexdigest()[:12]
    return f"{TAG}-{recipe}-{today:%Y-%m}"


def _tag_fresh(api: Any, fresh: str) -> None:
    # Only one image may have such a tag.
    for tag in [tag for image in api.images(NAME) for tag in image["RepoTags"] or ()]:
        if tag.startswith(f"{NAME}:{TAG}-"):
            with suppress(docker.errors.APIError):  # An image built from it still needs it.
                api.remove_image(tag, noprune=True)
    api.tag(BASE, NAME, fresh)


def _has(api: Any, name: str) -> bool:
    try:
        api.inspect_image(name)
    except docker.errors.ImageNotFound:
        return False
    return True


class BuildFailed(Exception):
    """The base image could not be built; the message gives the reason."""


def _pull(api: Any, report: Callable[[str], None]) -> bool:
    report(f"Pulling {PULLED}")
    try:
        for message in api.pull(*PULLED.split(":"), stream=True, decode=True):
            if "error" in message:
                return False
        return bool(api.tag(PULLED, NAME, TAG))
    except docker.errors.APIError:
        return False


def _bootstrap(api: Any, report: Callable[[str], None]) -> None:
    report("No registry is reachable: bootstrapping the base image from Debian's packages")
    if not shutil.which("mmdebstrap"):
        _install(report)
    with subprocess.Popen(_command(), stdout=subprocess.PIPE) as process:  # noqa: S603 Constant arguments.
        response = api.import_image_from_stream(process.stdout, repository=NAME, tag=TAG, changes=['CMD ["python3"]'])
    if process.returncode or "error" in response:
        raise BuildFailed(f"Could not bootstrap the base image: mmdebstrap ended with {process.returncode}.")


def _command() -> list[str]:
    accounts = [f"--customize-hook=printf '{text}' > \"$1/etc/{file}\"" for file, text in ACCOUNTS.items()]
    return ["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}", *accounts, "bookworm", "-"]


def _install(report: Callable[[str], None]) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BuildFailed("No registry is reachable, and mmdebstrap is missing. To continue, install mmdebstrap.")
    report("Installing mmdebstrap with apt-get")
    for arguments in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "mmdebstrap"]):
        if subprocess.run(["apt-get", *arguments], check=False, stdout=subprocess.DEVNULL).returncode:  # noqa: S603, S607
            raise BuildFailed("No registry is reachable, and mmdebstrap could not be installed with apt-get.")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Ensure that an engine has the base image of the examples.")
    parser.add_argument("--docker-host", default=os.environ.get("DOCKER_HOST"), help="URL of the engine [DOCKER_HOST]")
    host = parser.parse_args().docker_host
    ensure_base(docker.APIClient(host, timeout=600), lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
