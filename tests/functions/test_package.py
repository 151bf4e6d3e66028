"""The archives contain only what functions need, stay within their budget and are reproducible."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from scripts.function_package import ARCHIVES, Archive, Built, build, over_budget, pins
from tests.functions.fixtures import HERE
from tests.tree import ROOT

FUNCTIONS = yaml.safe_load((ROOT / "serverless.yml").read_text())["functions"]
ALONE = """
import sys
sys.path[:] = [path for path in sys.path if "packages" not in path] + [sys.argv[1]]
import importlib
module, _, name = sys.argv[2].rpartition(".")
assert callable(getattr(importlib.import_module(module), name))
import core.engine.docker.engine, core.database.postgres
if sys.argv[3] == "files":
    import core.storage.object_store
loaded = [found for found in sys.modules.values() if getattr(found, "__file__", None)]
strangers = {m.__name__ for m in loaded if not m.__file__.startswith((sys.argv[1], sys.base_prefix))}
assert strangers <= {"__main__"}, strangers
"""


def packed(name: str) -> str:
    """Return the archive of a function."""
    return Path(FUNCTIONS[name]["package"]["artifact"]).stem


@pytest.mark.parametrize("name", FUNCTIONS)
def test_handler_imports_from_its_archive_only(name: str, unpacked: dict[str, Path]) -> None:
    archive = packed(name)
    arguments = [str(unpacked[archive]), FUNCTIONS[name]["handler"], archive]

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, *arguments], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.name)
def test_archive_is_within_its_budget(archive: Archive, built: dict[str, Built]) -> None:
    assert over_budget(built[archive.name], archive) is None


def test_archive_over_budget_is_refused_with_sentence(built: dict[str, Built]) -> None:
    found = over_budget(built["sessions"], Archive("sessions", (), 10**6))

    assert found is not None
    assert found.endswith("MB, the limit is 1; leave something out.")


def test_session_archive_budget_is_12_megabytes() -> None:
    assert {archive.name: archive.budget for archive in ARCHIVES}["sessions"] == 12 * 10**6


def test_builds_are_reproducible(built: dict[str, Built], tmp_path: Path) -> None:
    (again,) = build(HERE, tmp_path, ARCHIVES[:1])

    assert again.path.read_bytes() == built[ARCHIVES[0].name].path.read_bytes()


@pytest.mark.parametrize("name", [archive.name for archive in ARCHIVES])
def test_archive_contains_only_what_jobs_need(name: str, built: dict[str, Built]) -> None:
    names = zipfile.ZipFile(built[name].path).namelist()
    folders = {path.partition("/")[0] for path in names}

    assert {"core", "models", "jobs", "arq", "asyncpg", "docker"} <= folders
    assert not folders & {"schema", "resolvers", "proxy", "carrel", "operations", "strawberry", "starlette", "authlib"}
    assert not folders & {"cryptography", "numpy", "astropy", "uvicorn", "argon2", "fakeredis", "boto3", "botocore"}
    assert ("obstore" in folders) == (name == "files")


def test_every_source_has_unchecked_bytecode(built: dict[str, Built]) -> None:
    opened = zipfile.ZipFile(built["sessions"].path)
    names = set(opened.namelist())
    sources = [name for name in names if name.endswith(".py")]

    bare = [name for name in sources if _bytecode(name) not in names]

    assert not bare
    flags = {opened.read(_bytecode(name))[4:8] for name in sources}
    assert flags == {b"\x01\x00\x00\x00"}, "hash-based, and not checked"


def _bytecode(source: str) -> str:
    folder, _, file = source.rpartition("/")
    tag = sys.implementation.cache_tag
    return f"{folder}/__pycache__/{file[:-3]}.{tag}.pyc".lstrip("/")


def test_function_pins_equal_project_pins() -> None:
    project = set(pins((ROOT / "requirements" / "run.txt").read_text(), ()).splitlines())
    functions = set(pins((ROOT / "requirements" / "function.txt").read_text(), ()).splitlines())

    assert functions
    assert functions <= project, "Run `make lock`."


def test_excluded_pin_is_removed_with_its_hashes() -> None:
    first = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via b\n"
    second = "b[x]==2 ; c \\\n    --hash=sha256:02\n"

    assert pins(f"# by uv\n{first}{second}", ("a",)) == second
