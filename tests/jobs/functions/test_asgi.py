"""The ASGI application: only a signed bell is answered, and many that come at once are answered by few calls."""

import asyncio
import json
from typing import Any

import pytest

from core.queue import region_queue
from core.queue.functions import waker
from core.queue.functions.waker import HEADER, sign
from core.settings import Settings, load
from jobs.functions.asgi import BODY_LIMIT, Doorman, Host
from models.sessions.sessions import SessionState
from tests.functions.environment import REGION, SECRET, FunctionHouse

QUEUE = region_queue(REGION)
BELL = waker.message(QUEUE)


async def ask(
    app: Host, body: bytes = BELL, *, signature: str | None = "", method: str = "POST", path: str = "/"
) -> tuple[int, dict[str, Any]]:
    """Send one request as a server would."""
    signature = sign(SECRET, body) if signature == "" else signature
    headers = [(HEADER.lower().encode(), signature.encode())] if signature else []
    parts = [{"body": body[:10], "more_body": True}, {"body": body[10:]}]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", **parts.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_a_signed_bell_is_answered_when_the_work_is_done(house: FunctionHouse) -> None:
    await house.launch(2)

    status, told = await ask(Host(house.settings))

    assert (status, told["queue"], told["due"]) == (200, QUEUE, 0)
    assert await house.states() == [SessionState.RUNNING] * 2


@pytest.mark.parametrize(
    "signature", [None, "1.2", sign("another secret", BELL), sign(SECRET, b"{}"), sign(SECRET, BELL, 1)]
)
async def test_any_other_is_refused_and_starts_nothing(house: FunctionHouse, signature: str | None) -> None:
    await house.launch()

    status, told = await ask(Host(house.settings), signature=signature)

    assert (status, told["code"]) == (401, "UNAUTHENTICATED")
    assert await house.states() == [SessionState.QUEUED]


APP = Host(load(region=REGION, bell_secret=SECRET))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"ring!", 400),
        (b"{}", 400),
        (b'{"queue": "carrel:us"}', 404),
        (b'{"chores": ["dishes"]}', 400),
        (b"x" * (BODY_LIMIT + 1), 400),
    ],
)
async def test_what_makes_no_sense_is_one_sentence(body: bytes, status: int) -> None:
    answered, told = await ask(APP, body)

    assert answered == status
    assert told["message"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/health", 200), ("GET", "/", 404), ("POST", "/x", 404)]
)
async def test_there_are_two_addresses(method: str, path: str, status: int) -> None:
    assert (await ask(APP, method=method, path=path))[0] == status


async def _life(settings: Settings) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await Host(settings)({"type": "lifespan"}, receive, send)
    return sent


async def test_it_does_not_start_with_settings_that_no_function_can_use() -> None:
    (told,) = await _life(load(region=REGION))

    assert told["type"] == "lifespan.startup.failed"
    assert "cannot use SQLite" in told["message"]


async def test_it_starts_and_ends_with_the_server(house: FunctionHouse) -> None:
    assert [told["type"] for told in await _life(house.settings)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_many_bells_at_once_are_answered_by_few_calls_and_leave_nothing(house: FunctionHouse) -> None:
    await house.launch(10)
    app = Host(house.settings, Doorman(1))

    answers = await asyncio.gather(*(ask(app) for _ in range(8)))

    assert {status for status, _ in answers} == {200}
    assert sum("joined" in told for _, told in answers) == 6
    assert await house.states() == [SessionState.RUNNING] * 10


async def test_who_waits_gets_the_place_and_who_gives_up_waiting_leaves_it_to_the_next() -> None:
    doorman = Doorman(1)
    assert await doorman.enter("q")
    waiting = asyncio.create_task(doorman.enter("q"))
    await asyncio.sleep(0)
    assert not await doorman.enter("q")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    second = asyncio.create_task(doorman.enter("q"))
    await asyncio.sleep(0)
    assert await doorman.enter("another queue")
    await doorman.leave("q")

    assert await second
