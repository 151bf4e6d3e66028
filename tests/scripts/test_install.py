"""The installation prints progress and failures only."""

import subprocess
import sys

import pytest

from scripts import bootstrap, settings_table, system
from tests.tree import ROOT


def test_missing_program_is_reported_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    missing = system.Need("tests in a browser", ("chromium",), lambda: False)

    code = system.report([missing])

    assert code == 0
    said = capsys.readouterr().err
    assert said == (
        "Not there: chromium for tests in a browser. Install it, on Debian with `sudo apt-get install chromium`.\n"
    )


def test_configured_service_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")

    assert system.configured("REDIS_URL", lambda: False)()


@pytest.mark.parametrize("script", ["bootstrap.py", "system.py"])
def test_an_unknown_argument_is_misuse(script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), "everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("There is no ")


def test_missing_markers_are_named() -> None:
    with pytest.raises(ValueError, match="settings: begin"):
        settings_table.with_table("# Carrel\n")


def test_table_replaces_text_between_markers() -> None:
    text = f"before {settings_table.BEGIN} old {settings_table.END} after"

    made = settings_table.with_table(text)

    assert " old " not in made
    assert made.startswith("before ")
    assert made.endswith(" after")
    assert settings_table.with_table(made) == made


NOISE = "import sys; print('a warning', file=sys.stderr); sys.exit(int(sys.argv[1]))"


def test_successful_install_shows_no_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    bootstrap.run_quietly(sys.executable, "-c", NOISE, 0)

    assert capfd.readouterr() == ("", "")


def test_failed_install_shows_its_output(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        bootstrap.run_quietly(sys.executable, "-c", NOISE, 3)

    assert "a warning" in capfd.readouterr().err
