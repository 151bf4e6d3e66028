"""Bells are struck by HTTP or through SQS; what is wrong with one is a sentence, and nobody waits for the work."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from core.errors import BadInput, Unavailable
from core.queue.functions.transports import HttpClapper, SqsClapper, clappers_of
from core.queue.functions.waker import HEADER, is_signed
from tests.functions.fixtures import aws, keys
from tests.services.aws import Aws
from tests.services.local_lambda import QuietServer
from tests.waiting import eventually

__all__ = ["aws", "keys"]
SAID = b'{"queue": "carrel:eu"}'


class Tower:
    """A server that takes bells, as quickly and with the status that it is told to."""

    def __init__(self) -> None:
        self.status, self.seconds = 200, 0.0
        self.heard: list[tuple[str | None, bytes]] = []
        self.answered = threading.Event()
        tower = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                tower.heard.append((self.headers.get(HEADER), body))
                time.sleep(tower.seconds)
                self.send_response(tower.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                tower.answered.set()

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def tower() -> Iterator[Tower]:
    tower = Tower()
    yield tower
    tower.server.shutdown()
    tower.server.server_close()


async def test_a_bell_by_http_is_signed(tower: Tower) -> None:
    await HttpClapper(tower.url, "secret").strike(SAID, 0)

    ((header, body),) = tower.heard
    assert body == SAID
    assert is_signed("secret", header, body)


async def test_nobody_waits_for_the_work_and_the_caller_stays_until_it_is_done(tower: Tower) -> None:
    tower.seconds = 1.0
    began = time.monotonic()

    await HttpClapper(tower.url, "secret").strike(SAID, 0)

    assert time.monotonic() - began < 0.9
    assert not tower.answered.is_set()
    await eventually(tower.answered.is_set)


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_one_that_is_refused_was_not_rung(tower: Tower, status: int) -> None:
    tower.status = status

    with pytest.raises(Unavailable, match=f"answered {status}"):
        await HttpClapper(tower.url, "secret").strike(SAID, 0)


async def test_one_that_cannot_be_reached_was_not_rung() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        with pytest.raises(Unavailable, match="cannot be reached"):
            await HttpClapper(url, "secret").strike(SAID, 0)


async def test_who_asks_waits_for_the_work(tower: Tower) -> None:
    tower.seconds = 0.3

    await HttpClapper(tower.url, "secret").ask(SAID)

    assert tower.answered.is_set()
    tower.status = 500
    with pytest.raises(Unavailable, match="answered 500"):
        await HttpClapper(tower.url, "secret").ask(SAID)


async def test_a_bell_through_the_queue_service(aws: Aws, keys: None) -> None:
    url = await asyncio.to_thread(aws.queue, "clapper")

    await SqsClapper(url).strike(SAID, 0)
    await SqsClapper(url).strike(SAID, 600)

    (message,) = await asyncio.to_thread(aws.received, url)
    assert json.loads(message["Body"]) == {"queue": "carrel:eu"}
    waiting = await asyncio.to_thread(aws.sqs, "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    assert waiting["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


async def test_a_queue_that_is_not_there_is_said(aws: Aws, keys: None) -> None:
    with pytest.raises(Unavailable, match="SQS answered 400"):
        await SqsClapper(f"{aws.url}/123456789012/nowhere").strike(SAID, 0)


@pytest.mark.parametrize(
    ("bells", "secret", "sentence"),
    [
        ({"videos": "https://x"}, "s", "there is no queue 'videos'; there are sessions, imports"),
        ({"sessions": "ftp://x"}, "s", "is no bell"),
        ({"sessions": "https://x"}, "", "CARREL_BELL_SECRET"),
    ],
)
def test_what_cannot_be_a_bell_is_refused(bells: dict[str, str], secret: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        clappers_of(bells, secret)


def test_bells_hang_by_sort_or_for_one_region() -> None:
    hung = clappers_of({"sessions": "sqs+https://sqs.eu-west-1.amazonaws.com/1/b", "us:imports": "https://x"}, "s")

    assert isinstance(hung["sessions"], SqsClapper)
    assert isinstance(hung["us:imports"], HttpClapper)
