"""The ASGI application: it answers signed wake-ups only, and many concurrent ones with few calls."""

import asyncio
import json
from typing import Any

import pytest

from core.queue import region_queue
from core.queue.functions import waker
from core.queue.functions.waker import SIGNATURE_HEADER, sign
from core.settings import Settings, load
from jobs.functions.asgi import MAX_BODY_BYTES, ConcurrencyLimiter, FunctionHost
from models.sessions.sessions import SessionState
from tests.functions.environment import REGION, SECRET, FunctionEnvironment

QUEUE = region_queue(REGION)
WAKEUP = waker.wakeup_message(QUEUE)


async def send_request(
    app: FunctionHost, body: bytes = WAKEUP, *, signature: str | None = "", method: str = "POST", path: str = "/"
) -> tuple[int, dict[str, Any]]:
    """Send one request as a server does."""
    signature = sign(SECRET, body) if signature == "" else signature
    headers = [(SIGNATURE_HEADER.lower().encode(), signature.encode())] if signature else []
    parts = [{"body": body[:10], "more_body": True}, {"body": body[10:]}]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", **parts.pop(0)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_signed_wakeup_is_answered_after_the_work(function_env: FunctionEnvironment) -> None:
    await function_env.launch(2)

    status, response = await send_request(FunctionHost(function_env.settings))

    assert (status, response["queue"], response["due"]) == (200, QUEUE, 0)
    assert await function_env.states() == [SessionState.RUNNING] * 2


@pytest.mark.parametrize(
    "signature",
    [None, "1.2", sign("another secret", WAKEUP), sign(SECRET, b"{}"), sign(SECRET, WAKEUP, 1)],
    ids=["missing", "malformed", "other secret", "other body", "too old"],
)
async def test_invalid_signature_starts_nothing(function_env: FunctionEnvironment, signature: str | None) -> None:
    await function_env.launch()

    status, response = await send_request(FunctionHost(function_env.settings), signature=signature)

    assert (status, response["code"]) == (401, "UNAUTHENTICATED")
    assert await function_env.states() == [SessionState.QUEUED]


APP = FunctionHost(load(region=REGION, function_secret=SECRET))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"wake!", 400),
        (b"{}", 400),
        (b'{"queue": "carrel:us"}', 404),
        (b'{"tasks": ["dishes"]}', 400),
        (b"x" * (MAX_BODY_BYTES + 1), 400),
    ],
)
async def test_invalid_body_is_one_sentence(body: bytes, status: int) -> None:
    answered, response = await send_request(APP, body)

    assert answered == status
    assert response["message"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/health", 200), ("GET", "/", 404), ("POST", "/x", 404)]
)
async def test_only_two_paths_exist(method: str, path: str, status: int) -> None:
    assert (await send_request(APP, method=method, path=path))[0] == status


async def _run_lifespan(settings: Settings) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await FunctionHost(settings)({"type": "lifespan"}, receive, send)
    return sent


async def test_startup_fails_with_impossible_settings() -> None:
    (response,) = await _run_lifespan(load(region=REGION))

    assert response["type"] == "lifespan.startup.failed"
    assert "cannot use SQLite" in response["message"]


async def test_lifespan_completes(function_env: FunctionEnvironment) -> None:
    assert [response["type"] for response in await _run_lifespan(function_env.settings)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_concurrent_wakeups_are_answered_by_few_calls(function_env: FunctionEnvironment) -> None:
    await function_env.launch(10)
    app = FunctionHost(function_env.settings, ConcurrencyLimiter(1))

    answers = await asyncio.gather(*(send_request(app) for _ in range(8)))

    assert {status for status, _ in answers} == {200}
    assert sum("joined" in response for _, response in answers) == 6
    assert await function_env.states() == [SessionState.RUNNING] * 10


async def test_cancelled_waiter_leaves_slot_to_next() -> None:
    limiter = ConcurrencyLimiter(1)
    assert await limiter.acquire("q")
    waiting = asyncio.create_task(limiter.acquire("q"))
    await asyncio.sleep(0)
    assert not await limiter.acquire("q")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    second = asyncio.create_task(limiter.acquire("q"))
    await asyncio.sleep(0)
    assert await limiter.acquire("another queue")
    await limiter.release("q")

    assert await second
