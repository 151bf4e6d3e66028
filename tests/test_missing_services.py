"""A test with a missing service is reported as skipped, and fails under CI=true."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSER_TEST = "tests/test_fixtures.py::test_the_browser_shows_a_page"


def run_without_browser(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", BROWSER_TEST]
    return subprocess.run(
        command, cwd=ROOT, env={**clean, "PATH": "", **environment}, capture_output=True, text=True, check=False
    )


def test_missing_service_is_reported_at_the_end() -> None:
    done = run_without_browser()

    assert done.returncode == 0
    assert "not run: 1 tests, browser: no browser was found; install chromium." in done.stdout


def test_missing_service_fails_ci() -> None:
    done = run_without_browser(CI="true")

    assert done.returncode == 1
    assert "no browser was found; install chromium." in done.stdout
