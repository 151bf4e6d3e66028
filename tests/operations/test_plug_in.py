"""An operation of an installed package is found, described, run and exported like a packaged one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
from pathlib import Path
import numpy as np
from astropy.io import fits
from operations.framework.registry import available, find
from tests.operations.frames import OperationHarness, noise, pixels
from tests.operations.scripts import script_pixels, run_script
harness = OperationHarness(Path(sys.argv[1]))
raw = {"input_files": [harness.save("a.fits", noise((40, 50)))], "sigma": 3}
outcome = harness.run("Smoothing", raw)
run_script(harness, "Smoothing", raw)
print(json.dumps({
    "names": list(available()),
    "fields": list(find("Smoothing").wizard_description()["inputs"]),
    "noise": float(pixels(outcome, 0).std()),
    "same": bool(np.array_equal(script_pixels(harness, 0), pixels(outcome, 0))),
}))
"""
LIST = "import json; from operations.framework.registry import available; print(json.dumps(list(available())))"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example package, installed by pip."""
    target = tmp_path_factory.mktemp("packages")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target)]
    subprocess.run([*command, str(ROOT / "examples/operation")], check=True, cwd=target)
    return target


def answer(code: str, packages: Path, *arguments: str) -> tuple[str, str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)])}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, cwd=packages)
    return done.stdout, done.stderr


def test_installed_operation_runs_like_a_packaged_one(packages: Path, tmp_path: Path) -> None:
    found = json.loads(answer(RUN, packages, str(tmp_path))[0])

    assert {"Median", "Smoothing"} <= set(found["names"])
    assert found["fields"] == ["input_files", "sigma"]
    assert found["noise"] < 2
    assert found["same"]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("nowhere:Nothing", "The operation nowhere:Nothing cannot be loaded; it is ignored."),
        ("json:loads", "json:loads is not a concrete subclass of BaseDataOperation; it is ignored."),
        ("operations.median:Median", "operations.median:Median uses the name Median, which another operation has"),
    ],
)
def test_broken_package_is_logged_and_ignored(tmp_path: Path, entry: str, sentence: str) -> None:
    about = tmp_path / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[carrel.operations]\nbroken = {entry}\n")

    names, logged = answer(LIST, tmp_path)

    assert "Median" in json.loads(names)
    assert sentence in logged
