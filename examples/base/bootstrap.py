"""Make sure that an engine has the base image of the examples: Debian with Python, pulled or bootstrapped.

Usage: python examples/base/bootstrap.py [--docker-host URL]
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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


def ensure_base(api: Any, say: Callable[[str], None]) -> None:
    """Pull the base image where a registry answers, else bootstrap it from Debian's packages."""
    try:
        api.inspect_image(BASE)
    except docker.errors.ImageNotFound:
        if not _pull(api, say):
            _bootstrap(api, say)


def _pull(api: Any, say: Callable[[str], None]) -> bool:
    say(f"Pulling {PULLED}")
    try:
        for message in api.pull(*PULLED.split(":"), stream=True, decode=True):
            if "error" in message:
                return False
        return bool(api.tag(PULLED, NAME, TAG))
    except docker.errors.APIError:
        return False


def _bootstrap(api: Any, say: Callable[[str], None]) -> None:
    say("No registry answers: bootstrapping the base image from Debian's packages")
    if not shutil.which("mmdebstrap"):
        _install(say)
    with subprocess.Popen(_command(), stdout=subprocess.PIPE) as process:  # noqa: S603 Our own constants.
        said = api.import_image_from_stream(process.stdout, repository=NAME, tag=TAG, changes=['CMD ["python3"]'])
    if process.returncode or "error" in said:
        sys.exit(f"Could not bootstrap the base image: mmdebstrap ended with {process.returncode}.")


def _command() -> list[str]:
    accounts = [f"--customize-hook=printf '{text}' > \"$1/etc/{file}\"" for file, text in ACCOUNTS.items()]
    return ["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}", *accounts, "bookworm", "-"]


def _install(say: Callable[[str], None]) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"No registry answers, and mmdebstrap is missing; install mmdebstrap, or load an image as {BASE}.")
    say("Installing mmdebstrap with apt-get")
    for arguments in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "mmdebstrap"]):
        subprocess.run(["apt-get", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Make sure that an engine has the base image of the examples.")
    parser.add_argument("--docker-host", default=os.environ.get("DOCKER_HOST"), help="URL of the engine [DOCKER_HOST]")
    host = parser.parse_args().docker_host
    ensure_base(docker.APIClient(host, timeout=600), lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
