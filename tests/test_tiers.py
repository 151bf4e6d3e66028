"""Every test has one tier, a unit test uses no service, and tests that exclude each other share a worker."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiers import TIERS, BrokenTier, UnitGuard, tier, worker_group

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = """
import pytest

def test_one(): ...

def test_two(): pytest.skip("Redis: install redis-server")
"""


def test_every_item_has_exactly_one_tier(request: pytest.FixtureRequest) -> None:
    wrong = [
        item.nodeid
        for item in request.session.items
        if [mark.name for mark in item.iter_markers() if mark.name in TIERS] != [tier(item)]
    ]

    assert not wrong, "Give the test one tier, or none: tests/tiers.py chooses by folder and fixtures."


def test_tier_follows_the_fixtures(request: pytest.FixtureRequest) -> None:
    assert tier(request.node) == "unit"


def test_service_fixture_makes_an_integration_test(redis_address: str, request: pytest.FixtureRequest) -> None:
    assert tier(request.node) == "integration"


@pytest.mark.integration
def test_mark_of_a_test_decides(request: pytest.FixtureRequest) -> None:
    assert tier(request.node) == "integration"


def test_item_without_shared_fixture_runs_on_any_worker(request: pytest.FixtureRequest) -> None:
    assert worker_group(request.node) is None


ACTIONS: dict[str, Callable[[socket.socket], object]] = {
    "process": lambda _: subprocess.run([sys.executable, "-V"], check=True),
    "connect": lambda opened: opened.connect(("127.0.0.1", 9)),
    "bind": lambda opened: opened.bind(("127.0.0.1", 0)),
}


@pytest.mark.integration
@pytest.mark.parametrize("action", ACTIONS)
def test_guard_refuses_what_a_unit_test_may_not_do(action: str) -> None:
    with socket.socket() as opened, UnitGuard().watch("unit"), pytest.raises(BrokenTier, match=r"pytest\.mark"):
        ACTIONS[action](opened)


@pytest.mark.integration
def test_guard_lets_other_tiers_pass() -> None:
    with socket.socket() as opened, UnitGuard().watch("integration"):
        opened.bind(("127.0.0.1", 0))


GROUPED = """
import os, pytest

@pytest.fixture(scope="module")
def shared(): return os.getpid()

@pytest.mark.parametrize("number", range(8))
def test_one(number, shared, tmp_path_factory):
    with open("pids", "a") as file: print(os.getpid(), file=file)
"""


@pytest.mark.integration
def test_group_stays_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(GROUPED)

    done = _run_apart(tmp_path, "")

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(set((tmp_path / "pids").read_text().split())) == 1


@pytest.mark.integration
@pytest.mark.parametrize(("is_ci", "code"), [("", 0), ("true", 1)])
def test_skip_on_a_worker_is_reported_and_fails_ci(tmp_path: Path, is_ci: str, code: int) -> None:
    (tmp_path / "test_skipped.py").write_text(SKIPPED)

    done = _run_apart(tmp_path, is_ci)

    assert done.returncode == code, done.stdout + done.stderr
    assert "not run: 1 tests, Redis: install redis-server" in done.stdout
    assert "1 passed, 1 skipped in " in done.stdout.splitlines()[-1]


def _run_apart(folder: Path, is_ci: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder on two workers, with the hooks of these tests."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.conftest", "-n", "2"]
    places = ["--dist", "loadgroup", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CI": is_ci}
    return subprocess.run(
        [*command, *places],
        cwd=folder,
        env={name: value for name, value in environment.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
