"""The wheel has the pages' templates, each beside the code that renders it, and no tests."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("carrel", "core", "jobs", "models", "operations", "proxy", "resolvers", "schema")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The paths of all files of a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_has_all_templates(files: set[str]) -> None:
    templates = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("templates/*")
        if path.is_file()
    }

    assert {path.rpartition("/templates/")[0] for path in templates} == {
        "proxy/pages", "schema/http", "schema/transport",
    }  # fmt: skip
    assert templates <= files
    assert "core/web/branding.css" in files


def test_wheel_has_only_the_packages(files: set[str]) -> None:
    folders = {path.partition("/")[0] for path in files}

    assert {each for each in folders if not each.endswith(".dist-info")} == set(PACKAGES)
