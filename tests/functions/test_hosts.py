"""Hosts other than Lambda: functions-framework over HTTP and with CloudEvents, and any server of ASGI."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from core.queue import region_queue
from core.queue.functions import waker
from core.queue.functions.waker import HEADER, sign
from models.sessions.sessions import SessionState
from tests.functions.environment import REGION, SECRET, FunctionHouse
from tests.tree import ROOT
from tests.waiting import eventually

BELL = waker.message(region_queue(REGION))
FRAMEWORK = ("-m", "functions_framework", "--source", "jobs/functions/functions_framework.py", "--host", "127.0.0.1")
ASGI = ("-m", "uvicorn", "jobs.functions.asgi:app", "--host", "127.0.0.1")
CLOUD_EVENT = {
    "ce-id": "1",
    "ce-source": "a scheduler",
    "ce-specversion": "1.0",
    "ce-type": "carrel.bell",
    "Content-Type": "application/json",
}
Started = Callable[..., str]


@pytest.fixture
def start(house: FunctionHouse) -> Iterator[Started]:
    """Start servers; all are stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []

    def start_one(words: Sequence[str], **environment: str) -> str:
        named = list(words)
        port = int(named[named.index("--port") + 1]) if "--port" in named else _free_port()
        told = house.environment(PYTHONPATH=str(ROOT), PYTHONWARNINGS="ignore", **environment)
        log = (house.settings.data_dir / "host.log").open("ab")
        with log:
            command = [sys.executable, *named, "--port", str(port)]
            running.append(subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log))
        return f"http://127.0.0.1:{port}/"

    yield start_one
    for process in running:
        process.terminate()
    for process in running:
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - ours, on this machine
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


async def post(url: str, body: bytes = BELL, **headers: str) -> tuple[int, str]:
    """Post once the server listens."""

    async def attempt() -> Any:
        try:
            return await asyncio.to_thread(_post, url, body, headers)
        except urllib.error.URLError:
            return None

    return await eventually(attempt, 20)


async def signed(url: str, body: bytes = BELL) -> dict[str, Any]:
    status, text = await post(url, body, **{HEADER: sign(SECRET, body)})
    assert status == 200, text
    return dict(json.loads(text))


@pytest.mark.parametrize(
    ("words", "environment"),
    [((*FRAMEWORK, "--target", "http"), {"FUNCTION_TARGET": "http"}), (ASGI, {})],
    ids=["functions-framework", "asgi"],
)
async def test_a_signed_bell_over_http(
    house: FunctionHouse, start: Started, words: Sequence[str], environment: dict[str, str]
) -> None:
    url = start(words, **environment)
    await house.launch(6)

    assert (await post(url))[0] == 401
    assert (await post(url, **{HEADER: sign("another", BELL)}))[0] == 401
    assert await house.states() == [SessionState.QUEUED] * 6
    answers = await asyncio.gather(*(signed(url) for _ in range(4)))

    assert all("joined" in told or told["due"] == 0 for told in answers)
    assert await house.states() == [SessionState.RUNNING] * 6
    assert set(house.engine.creates().values()) == {1}


async def test_a_cloud_event(house: FunctionHouse, start: Started) -> None:
    url = start((*FRAMEWORK, "--target", "event", "--signature-type", "cloudevent"), FUNCTION_TARGET="event")
    await house.launch(2)

    status, _ = await post(url, BELL, **CLOUD_EVENT)

    assert status == 200
    assert await house.states() == [SessionState.RUNNING] * 2


async def test_a_host_does_not_start_with_settings_that_no_function_can_use(
    house: FunctionHouse, start: Started
) -> None:
    start(ASGI, DATABASE_URL="sqlite:///tmp/carrel.sqlite3")

    log = house.settings.data_dir / "host.log"
    await eventually(lambda: re.search("cannot use SQLite; name a PostgreSQL", log.read_text()), 20)


class TestRungByTheApi:
    """The API rings by HTTP; nothing else starts the work."""

    @pytest.fixture
    def port(self) -> int:
        return _free_port()

    @pytest.fixture
    def changes(self, port: int) -> dict[str, object]:
        return {"bell_secret": SECRET, "bells": {"sessions": f"http://127.0.0.1:{port}/"}}

    async def test_many_rounds_by_the_bell_alone(self, house: FunctionHouse, start: Started, port: int) -> None:
        start((*ASGI, "--port", str(port)))
        await eventually(lambda: asyncio.to_thread(_listens, port), 20)

        for count in range(1, 9):
            await house.launch(5)
            await eventually(lambda count=count: _running(house, 5 * count), 10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _running(house: FunctionHouse, count: int) -> bool:
    return (await house.states()).count(SessionState.RUNNING) == count
