"""A private Docker starts, is shared, is isolated from others, and stops with its last user."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.concurrency.cancellable_thread import ThreadCancellation, run_in_thread
from core.engine.docker.engine import DockerEngine
from core.engine.local.discovery import install_docker
from core.engine.local.private_docker import PrivateDocker, free_subnet
from core.engine.local.sockets import is_answering
from core.engine.protocol import EngineUnavailable
from tests.core.engine.conftest import Spec
from tests.services.missing import MissingService, required_service
from tests.waiting import eventually


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateDocker]:
    """A private Docker that is not started yet."""
    with required_service("private Docker"):
        try:
            install_docker([].append, ThreadCancellation())
        except EngineUnavailable as error:
            raise MissingService(str(error)) from error
    docker = PrivateDocker(tmp_path)
    yield docker
    docker.stop()


def _bridge(private: PrivateDocker) -> bool:
    return Path(f"/sys/class/net/carrel{private.folder_id}").exists()


def test_last_user_stops_it(private: PrivateDocker, tmp_path: Path) -> None:
    second = PrivateDocker(tmp_path)

    assert private.start() == second.start()
    private.stop()
    assert is_answering(second.socket)
    second.stop()

    assert not is_answering(second.socket)
    assert not _bridge(private)


async def test_cancelled_start_leaves_nothing(private: PrivateDocker) -> None:
    starting = asyncio.create_task(run_in_thread(private.start))
    await eventually(private._pidfile.exists, 20)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    if not is_answering(private.socket):  # Else it was quicker than we, and is stopped as any other.
        assert private.pid() is None
        assert not _bridge(private)

    private.stop()

    assert (private.pid(), is_answering(private.socket)) == (None, False)
    assert not _bridge(private)


async def test_killed_engine_is_started_again(private: PrivateDocker) -> None:
    private.start()
    os.kill(private.pid() or 0, signal.SIGKILL)
    await eventually(lambda: not is_answering(private.socket))

    private.stop()
    private.start()

    assert is_answering(private.socket)


def test_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    docker = PrivateDocker(tmp_path / ("long" * 30))

    assert len(str(docker.socket)) < 100


async def test_event_stream_detects_a_hanging_engine(private: PrivateDocker, spec: Spec) -> None:
    engine = DockerEngine(private.start(), silence_seconds=0.3)
    events = engine.events(spec().labels, None)
    waiting = asyncio.ensure_future(anext(events))  # type: ignore[arg-type]

    # Longer than two silences: the reader connects again, and goes on waiting.
    await asyncio.wait([waiting], timeout=0.8)
    assert not waiting.done()

    os.kill(private.pid() or 0, signal.SIGSTOP)
    try:
        with pytest.raises(EngineUnavailable):
            await asyncio.wait_for(waiting, 20)
    finally:
        os.kill(private.pid() or 0, signal.SIGCONT)
        await engine.close()


def test_free_subnet_is_chosen() -> None:
    taken = ["default", "10.0.0.0/8"]

    assert str(free_subnet(["default", "10.213.0.0/23", "192.168.0.0/16"])) == "10.213.2.0/24"
    with pytest.raises(EngineUnavailable, match="No free subnet"):
        free_subnet(taken)
