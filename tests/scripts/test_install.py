"""Installing says what it does and what it cannot do."""

import subprocess
import sys

import pytest

from scripts import settings_table, system
from tests.tree import ROOT


def test_what_is_missing_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    missing = system.Need("tests in a browser", ("chromium",), lambda: False)

    code = system.report([missing])

    assert code == 0
    said = capsys.readouterr().err
    assert said == (
        "Not there: chromium for tests in a browser. Install it, on Debian with `sudo apt-get install chromium`.\n"
    )


def test_a_service_named_by_the_operator_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")

    assert system.configured("REDIS_URL", lambda: False)()


@pytest.mark.parametrize("script", ["bootstrap.py", "system.py"])
def test_an_unknown_argument_is_misuse(script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), "everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("There is no ")


def test_a_readme_without_the_markers_is_told_which_lines_to_add() -> None:
    with pytest.raises(ValueError, match="settings: begin"):
        settings_table.with_table("# Carrel\n")


def test_the_table_replaces_what_stood_between_the_markers() -> None:
    text = f"before {settings_table.BEGIN} old {settings_table.END} after"

    made = settings_table.with_table(text)

    assert " old " not in made
    assert made.startswith("before ")
    assert made.endswith(" after")
    assert settings_table.with_table(made) == made
