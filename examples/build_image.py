"""Build an example image and save it as an archive that can be uploaded to Carrel.

Usage: python examples/build_image.py workstation --output workstation.tar.gz [--docker-host URL]

Certificates and package index settings of this machine serve the build as they serve pip here. Only the first stage of
a Dockerfile sees them, so the image carries neither.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
from base.bootstrap import ensure_base

HERE = Path(__file__).parent
CERTIFICATES = "build-ca.crt"
_CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

Say = Callable[[str], None]


def build(api: Any, name: str, tag: str, say: Say) -> None:
    """Build the folder `name` as `tag`, on the host's network, passing on what the engine says."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / name
        shutil.copytree(HERE / name, context)
        if found := certificates():
            shutil.copyfile(found, context / CERTIFICATES)
        stream = api.build(
            path=str(context), tag=tag, buildargs=arguments(), network_mode="host", rm=True, forcerm=True, decode=True
        )
        for message in stream:
            if "error" in message:
                sys.exit(f"The build of {name} failed: {message['error'].strip()}")
            for line in message.get("stream", "").splitlines():
                if line.strip():
                    say(f"  {line}")


def save(api: Any, tag: str, output: Path) -> None:
    """Write the image as a compressed archive; a half-written one never has its name."""
    part = output.with_name(f"{output.name}.part")
    with part.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as archive:
        for chunk in api.get_image(tag):
            archive.write(chunk)
    part.rename(output)


def certificates() -> Path | None:
    """Return the bundle of certificates that this machine trusts, if it names one."""
    named = (os.environ.get(variable) for variable in _CERTIFICATE_VARIABLES)
    usual = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    return next((Path(path) for path in (*named, *usual) if path and Path(path).is_file()), None)


def arguments() -> dict[str, str]:
    """Return pip's settings and proxies as build arguments; folders of this machine do not exist in the build."""
    found = {variable: os.environ[variable] for variable in _PROXIES if variable in os.environ}
    for setting, value in _pip_settings().items():
        usable = " ".join(part for part in value.split() if not part.startswith(("/", "file:")))
        if usable:
            found[f"PIP_{setting.upper().replace('-', '_')}"] = usable
    return found


def _pip_settings() -> dict[str, str]:
    """Read `pip config list`, where variables such as PIP_INDEX_URL stand last and win over files."""
    pip = shutil.which("pip") or shutil.which("pip3")
    words = [pip] if pip else [sys.executable, "-m", "pip"]
    listed = subprocess.run([*words, "config", "list"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    pairs = (line.partition("=") for line in listed.splitlines())
    settings = {key.rpartition(".")[2]: value.strip("'\"") for key, _, value in pairs}
    return {key: settings[key] for key in _PIP_SETTINGS if key in settings}


def main() -> None:
    """Run from the command line."""
    names = sorted(path.parent.name for path in HERE.glob("*/Dockerfile"))
    parser = argparse.ArgumentParser(description="Build an example image and save it as an archive.")
    parser.add_argument("name", choices=names)
    parser.add_argument("--docker-host", default=os.environ.get("DOCKER_HOST"), help="URL of the engine [DOCKER_HOST]")
    parser.add_argument("--output", type=Path, help="where to write the archive; without it, the image is only built")
    given = parser.parse_args()
    api, tag = docker.APIClient(given.docker_host, timeout=900), f"carrel/{given.name}:latest"
    ensure_base(api, _say)
    _say(f"Building {tag}")
    build(api, given.name, tag, _say)
    if given.output:
        _say(f"Saving {given.output}")
        save(api, tag, given.output)
    _say(f"Done: {api.inspect_image(tag)['Id']}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
