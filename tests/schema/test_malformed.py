"""Two thousand malformed requests: each gets a response in time, and none causes an internal error."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from schema.graphql.errors import ErrorCode
from tests.schema.malformed import Malformed
from tests.schema.served import Served

SEED = 20_261_122
REQUESTS, SOCKETS, RAW = 1_500, 400, 100
AT_ONCE = 16
SECONDS = 5.0
MAY_CLOSE_WITH = {1000, 1003, 1007, 1009, 4400, 4401, 4403, 4408, 4409, 4429}
WAIT_SECONDS = 0.05


@pytest.fixture
def changes() -> dict[str, object]:
    return {"requests_per_minute": 0}


@pytest.fixture
def no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Assert that nothing is logged as an error."""
    with caplog.at_level(logging.ERROR):
        yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def _each(count: int, act: object) -> Counter[object]:
    """Run `act` `count` times with limited concurrency, and count the outcomes."""
    turns, outcomes = asyncio.Semaphore(AT_ONCE), Counter[object]()

    async def one(number: int) -> None:
        async with turns, asyncio.timeout(SECONDS):
            outcomes[await act(number)] += 1  # type: ignore[operator]

    await asyncio.gather(*(one(number) for number in range(count)))
    return outcomes


async def test_malformed_http_request_gets_a_response(sqlite_api: Served, no_logged_errors: None) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS) as client:

        async def ask(number: int) -> int:
            wanted = Malformed(SEED + number).request()
            wanted["headers"] |= sqlite_api.headers("ada" if number % 3 else None)
            answer = await client.request(url=sqlite_api.url, **wanted)
            assert answer.status_code < 500, (number, answer.text)
            if wanted["method"] != "HEAD" and not answer.headers["content-type"].startswith("text/event-stream"):
                codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
                assert codes <= set(ErrorCode) - {ErrorCode.INTERNAL}, (number, answer.text)
            return answer.status_code

        outcomes = await _each(REQUESTS, ask)

    assert {200, 400, 405, 406, 415} <= set(outcomes)
    assert (await sqlite_api.post("ada", "{ viewer { username } }")).status_code == 200


async def test_malformed_websocket_message_is_answered_or_closes(sqlite_api: Served, no_logged_errors: None) -> None:
    async def send_frames(number: int) -> object:
        headers = sqlite_api.headers("ada" if number % 3 else None)
        protocols = ["graphql-transport-ws"]
        async with connect(
            sqlite_api.ws,
            subprotocols=protocols,  # type: ignore[arg-type]
            additional_headers=headers,
            proxy=None,
            close_timeout=2,
        ) as socket:
            with suppress(ConnectionClosed, TimeoutError):
                for frame in Malformed(SEED - number).frames():
                    await socket.send(frame)
                async with asyncio.timeout(WAIT_SECONDS):
                    async for _ in socket:
                        pass
        assert socket.close_code in MAY_CLOSE_WITH, (number, socket.close_code, socket.close_reason)
        return socket.close_code

    outcomes = await _each(SOCKETS, send_frames)

    assert {1000, 4400, 4401} <= set(outcomes)


async def test_invalid_http_is_answered_or_closed(sqlite_api: Served, no_logged_errors: None) -> None:
    async def send(number: int) -> object:
        source = Malformed(SEED * 2 + number)
        reader, writer = await asyncio.open_connection("127.0.0.1", sqlite_api.port)
        try:
            writer.write(_raw(source))
            writer.write_eof()
            answer = await reader.read(1 << 16)
        except ConnectionError:
            return "closed"
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        assert not answer.startswith(b"HTTP/1.1 5"), (number, answer)
        return answer[9:12]

    await _each(RAW, send)

    assert (await sqlite_api.post("ada", "{ viewer { username } }")).status_code == 200


def _raw(source: Malformed) -> bytes:
    """Return a request with a corrupt head or a wrong length."""
    body, pick = source.body(), source.random
    length = pick.choice((len(body), len(body) + 10, max(0, len(body) - 3), -1, "x", 10**20))
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
    if pick.random() < 0.4:
        at = pick.randint(0, len(head))
        head = head[:at] + pick.randbytes(pick.randint(1, 4)) + head[at:]
    return head + body
