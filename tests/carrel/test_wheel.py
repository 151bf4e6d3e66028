"""The wheel of the server has the packages of the server, and the files that they read, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.integration  # It builds the wheel in a process.

PACKAGES = {"carrel", "core", "jobs", "models", "operations", "proxy", "resolvers", "schema"}
READ_AT_RUN_TIME = (
    "core/web/branding.css",
    "proxy/pages/templates/page.html",
    "proxy/pages/templates/starting.js",
    "schema/http/templates/sign_in.html",
    "schema/transport/templates/graphiql.html",
    "schema/schema.graphql",
    "schema/static/graphiql/graphiql.min.js",
    "schema/static/graphiql/graphiql.min.css",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        return opened.namelist()


def test_wheel_has_the_packages_of_the_server_only(wheel: list[str]) -> None:
    packages = {name.partition("/")[0] for name in wheel if ".dist-info/" not in name}

    assert packages == PACKAGES, "Nodes, clients, the console and tests have no place in the server's wheel."


@pytest.mark.parametrize("name", READ_AT_RUN_TIME)
def test_wheel_has_the_files_that_the_server_reads(wheel: list[str], name: str) -> None:
    assert name in wheel


def test_wheel_has_every_tracked_file_of_its_packages(wheel: list[str]) -> None:
    tracked = subprocess.run(["git", "ls-files", *sorted(PACKAGES)], cwd=ROOT, check=True, capture_output=True)
    existing = {name for name in tracked.stdout.decode().split("\n") if name and Path(ROOT, name).is_file()}

    assert existing <= set(wheel)
