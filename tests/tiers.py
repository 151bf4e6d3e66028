"""The tier of each test, and which tests share a worker when several workers run.

tests/conftest.py marks every item with one tier: `unit` (no service, process or network), `integration` or `e2e`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

TIERS = ("unit", "integration", "e2e")
SERVICES = {
    *("redis_address", "network_redis", "own_redis"),
    *("sqlite_template", "database_url", "postgres", "postgres_url"),
    *("docker_host", "private", "browser", "aws"),
    *("origin", "built", "library"),
}
"""Fixtures that start a service, open a socket or run a process; what uses one uses it too."""
INTEGRATION_PLACES = (
    *("tests/chaos/", "tests/conformance/", "tests/examples/", "tests/functions/", "tests/proxy/"),
    *("tests/core/engine/", "tests/core/redis/", "tests/core/storage/test_frame_archive.py"),
    *("tests/core/storage/test_object_store.py", "tests/core/queue/test_queue.py"),
    *("tests/core/queue/test_wake_transports.py", "tests/core/queue/test_sqs.py"),
    *("tests/core/concurrency/test_cancellable_thread.py",),
    *("tests/core/concurrency/test_daemon_threads.py", "tests/carrel/test_cli.py", "tests/carrel/test_shutdown.py"),
    *("tests/jobs/data/test_process_pool.py", "tests/jobs/functions/test_imports.py"),
    *("tests/jobs/sessions/test_launch_readiness.py", "tests/models/test_migration.py"),
    *("tests/models/policies/test_registry.py",),
    *("tests/operations/test_memory.py", "tests/operations/test_plug_in.py", "tests/operations/test_runner.py"),
    *("tests/schema/test_several_processes.py",),
    *("tests/scripts/test_install.py", "tests/scripts/test_sdl_changes.py"),
    *("tests/test_layout.py", "tests/test_missing_services.py"),
)
"""Folders and modules whose tests start processes or use sockets without such a fixture."""
FORBIDDEN = {
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "socket.connect": "connects a socket",
    "socket.bind": "binds a socket",
}
"""Audit events of Python that a unit test may not cause."""
SHARED_WORKERS = {
    "tests/e2e": "engine",  # One installation, and the processes of several more.
    "tests/functions": "functions",  # Archives that are built once.
    "tests/jobs/functions": "functions",
    "tests/chaos": "chaos",
    "tests/conformance": "conformance",
    "tests/operations/test_memory.py": "memory",
}
"""Groups by folder: their tests run on one worker, one after the other."""
ENGINE_FIXTURES = {"docker_host", "private"}


class BrokenTier(Exception):
    """A unit test used what its tier excludes; the message says what to do."""


def tier(item: pytest.Item) -> str:
    """Return the tier of an item: that of its own mark, else by folder and fixtures."""
    marked = [name for name in TIERS if item.get_closest_marker(name)]
    if marked:
        return marked[0]
    place = _place(item)
    if place.startswith("tests/e2e/"):
        return "e2e"
    is_integration = place.startswith(INTEGRATION_PLACES) or SERVICES & _fixtures(item)
    return "integration" if is_integration else "unit"


def worker_group(item: pytest.Item) -> str | None:
    """Return the group that stays on one worker, or None if any worker may take the item."""
    if ENGINE_FIXTURES & _fixtures(item):
        return "engine"
    place = _place(item)
    for folder, group in SHARED_WORKERS.items():
        if place.startswith(folder):
            return group
    return place if _has_shared_fixture(item) else None


def mark(items: list[pytest.Item], *, is_distributed: bool) -> None:
    """Mark each item with its tier, and with its group if several workers run."""
    for item in items:
        name = tier(item)
        if not item.get_closest_marker(name):
            item.add_marker(name)
        if is_distributed and (group := worker_group(item)):
            item.add_marker(pytest.mark.xdist_group(group))


def _place(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _has_shared_fixture(item: pytest.Item) -> bool:
    """Return whether the item uses a fixture of its module, which each further worker would open again."""
    if not isinstance(item, pytest.Function):
        return False
    definitions = item._fixtureinfo.name2fixturedefs.values()  # pytest has no public name for them.
    return any(fixture.scope == "module" for found in definitions for fixture in found)


class UnitGuard:
    """Fails a unit test that starts a process or uses a socket; Python's audit events report both."""

    def __init__(self) -> None:
        self._is_active = False
        sys.addaudithook(self._check)

    @contextmanager
    def watch(self, tier_name: str) -> Iterator[None]:
        """Watch while an item of this tier runs, if the tier is `unit`."""
        self._is_active = tier_name == "unit"
        try:
            yield
        finally:
            self._is_active = False

    def _check(self, event: str, _arguments: object) -> None:
        if self._is_active and event in FORBIDDEN:
            self._is_active = False  # The report of the failure may start processes.
            raise BrokenTier(
                f"A unit test {FORBIDDEN[event]}; use a fixture of a service, or mark it with pytest.mark.integration."
            )
