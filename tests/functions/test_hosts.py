"""Hosts other than Lambda: functions-framework over HTTP and with CloudEvents, and ASGI servers."""

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
from core.queue.functions.waker import SIGNATURE_HEADER, sign
from models.sessions.sessions import SessionState
from tests.functions.environment import REGION, SECRET, FunctionEnvironment
from tests.tree import ROOT
from tests.waiting import eventually

WAKEUP = waker.wakeup_message(region_queue(REGION))
FRAMEWORK = ("-m", "functions_framework", "--source", "jobs/functions/functions_framework.py", "--host", "127.0.0.1")
ASGI = ("-m", "uvicorn", "jobs.functions.asgi:app", "--host", "127.0.0.1")
CLOUD_EVENT = {
    "ce-id": "1",
    "ce-source": "a scheduler",
    "ce-specversion": "1.0",
    "ce-type": "carrel.wake",
    "Content-Type": "application/json",
}
Started = Callable[..., str]


@pytest.fixture
def start(function_env: FunctionEnvironment) -> Iterator[Started]:
    """Start servers; the fixture stops them."""
    running: list[subprocess.Popen[bytes]] = []

    def start_one(words: Sequence[str], **environment: str) -> str:
        command_words = list(words)
        port = int(command_words[command_words.index("--port") + 1]) if "--port" in command_words else _free_port()
        variables = function_env.process_variables(PYTHONPATH=str(ROOT), PYTHONWARNINGS="ignore", **environment)
        log = (function_env.settings.data_dir / "host.log").open("ab")
        with log:
            command = [sys.executable, *command_words, "--port", str(port)]
            running.append(subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log))
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
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - a local server
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


async def post(url: str, body: bytes = WAKEUP, **headers: str) -> tuple[int, str]:
    """Send a POST as soon as the server listens."""

    async def attempt() -> Any:
        try:
            return await asyncio.to_thread(_post, url, body, headers)
        except urllib.error.URLError:
            return None

    return await eventually(attempt, 20)


async def signed(url: str, body: bytes = WAKEUP) -> dict[str, Any]:
    status, text = await post(url, body, **{SIGNATURE_HEADER: sign(SECRET, body)})
    assert status == 200, text
    return dict(json.loads(text))


@pytest.mark.parametrize(
    ("words", "environment"),
    [((*FRAMEWORK, "--target", "http"), {"FUNCTION_TARGET": "http"}), (ASGI, {})],
    ids=["functions-framework", "asgi"],
)
async def test_signed_wakeup_over_http(
    function_env: FunctionEnvironment, start: Started, words: Sequence[str], environment: dict[str, str]
) -> None:
    url = start(words, **environment)
    await function_env.launch(6)

    assert (await post(url))[0] == 401
    assert (await post(url, **{SIGNATURE_HEADER: sign("another", WAKEUP)}))[0] == 401
    assert await function_env.states() == [SessionState.QUEUED] * 6
    answers = await asyncio.gather(*(signed(url) for _ in range(4)))

    assert all("joined" in response or response["due"] == 0 for response in answers)
    assert await function_env.states() == [SessionState.RUNNING] * 6
    assert set(function_env.engine.creation_counts().values()) == {1}


async def test_cloud_event(function_env: FunctionEnvironment, start: Started) -> None:
    url = start((*FRAMEWORK, "--target", "event", "--signature-type", "cloudevent"), FUNCTION_TARGET="event")
    await function_env.launch(2)

    status, _ = await post(url, WAKEUP, **CLOUD_EVENT)

    assert status == 200
    assert await function_env.states() == [SessionState.RUNNING] * 2


async def test_host_does_not_start_with_impossible_settings(function_env: FunctionEnvironment, start: Started) -> None:
    start(ASGI, DATABASE_URL="sqlite:///tmp/carrel.sqlite3")

    log = function_env.settings.data_dir / "host.log"
    await eventually(lambda: re.search("cannot use SQLite; use PostgreSQL", log.read_text()), 20)


class TestWokenByApi:
    """The API sends wake-ups over HTTP; nothing else starts the work."""

    @pytest.fixture
    def port(self) -> int:
        return _free_port()

    @pytest.fixture
    def changes(self, port: int) -> dict[str, object]:
        return {"function_secret": SECRET, "function_urls": {"sessions": f"http://127.0.0.1:{port}/"}}

    async def test_many_rounds_driven_by_wakeups_only(
        self, function_env: FunctionEnvironment, start: Started, port: int
    ) -> None:
        start((*ASGI, "--port", str(port)))
        await eventually(lambda: asyncio.to_thread(_listens, port), 20)

        for count in range(1, 9):
            await function_env.launch(5)
            await eventually(lambda count=count: _running(function_env, 5 * count), 10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _running(function_env: FunctionEnvironment, count: int) -> bool:
    return (await function_env.states()).count(SessionState.RUNNING) == count
