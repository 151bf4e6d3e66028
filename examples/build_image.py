"""Build an example image and save it as an archive that can be uploaded to Carrel.

Usage: python examples/build_image.py workstation --output workstation.tar.gz [--docker-host URL]

The build uses the certificates and the pip settings of this machine. Only the first stage of a Dockerfile sees them, so
the image contains neither.
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

Print = Callable[[str], None]


def build(api: Any, name: str, tag: str, report: Print) -> None:
    """Build the folder `name` as `tag`, on the host's network, and report the engine's output."""
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
                    report(f"  {line}")


def save(api: Any, tag: str, output: Path) -> None:
    """Write the image as a compressed archive, under a temporary name until it is complete."""
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    with part.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as archive:
        for chunk in api.get_image(tag):
            archive.write(chunk)
    part.rename(output)


def certificates() -> Path | None:
    """Return the certificate bundle of this machine: from pip's variables, else from the usual paths."""
    configured = (os.environ.get(variable) for variable in _CERTIFICATE_VARIABLES)
    usual = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    return next((Path(path) for path in (*configured, *usual) if path and Path(path).is_file()), None)


def arguments() -> dict[str, str]:
    """Return pip's settings and proxies as build arguments, without local folders, which the build cannot see."""
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
    options = parser.parse_args()
    api, tag = docker.APIClient(options.docker_host, timeout=900), f"carrel/{options.name}:latest"
    ensure_base(api, _print)
    _print(f"Building {tag}")
    build(api, options.name, tag, _print)
    if options.output:
        _print(f"Saving {options.output}")
        save(api, tag, options.output)
    _print(f"Done: {api.inspect_image(tag)['Id']}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
