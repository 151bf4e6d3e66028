"""Wake-ups are sent by HTTP or SQS without waiting for the work; configuration errors are one sentence."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from core.errors import BadInput, Unavailable
from core.queue.functions.sqs import SqsWakeTransport
from core.queue.functions.transports import HttpWakeTransport, open_transports
from core.queue.functions.waker import SIGNATURE_HEADER, is_signed
from tests.services.local_lambda import QuietServer
from tests.waiting import eventually

BODY = b'{"queue": "carrel:eu"}'


class FunctionServer:
    """An HTTP server that records wake-ups, with a configurable status and delay."""

    def __init__(self) -> None:
        self.status, self.seconds = 200, 0.0
        self.requests: list[tuple[str | None, bytes]] = []
        self.answered = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.headers.get(SIGNATURE_HEADER), body))
                time.sleep(server.seconds)
                self.send_response(server.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                server.answered.set()

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def server() -> Iterator[FunctionServer]:
    server = FunctionServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


async def test_http_wakeup_is_signed(server: FunctionServer) -> None:
    await HttpWakeTransport(server.url, "secret").send(BODY, 0)

    ((header, body),) = server.requests
    assert body == BODY
    assert is_signed("secret", header, body)


async def test_send_returns_while_the_connection_stays_open(server: FunctionServer) -> None:
    server.seconds = 1.0
    began = time.monotonic()

    await HttpWakeTransport(server.url, "secret").send(BODY, 0)

    assert time.monotonic() - began < 0.9
    assert not server.answered.is_set()
    await eventually(server.answered.is_set)


@pytest.mark.parametrize("status", [401, 404, 503])
async def test_refused_request_is_unavailable(server: FunctionServer, status: int) -> None:
    server.status = status

    with pytest.raises(Unavailable, match=f"status {status}"):
        await HttpWakeTransport(server.url, "secret").send(BODY, 0)


async def test_unreachable_host_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        with pytest.raises(Unavailable, match="cannot be reached"):
            await HttpWakeTransport(url, "secret").send(BODY, 0)


async def test_call_waits_for_the_work(server: FunctionServer) -> None:
    server.seconds = 0.3

    await HttpWakeTransport(server.url, "secret").call(BODY)

    assert server.answered.is_set()
    server.status = 500
    with pytest.raises(Unavailable, match="status 500"):
        await HttpWakeTransport(server.url, "secret").call(BODY)


@pytest.mark.parametrize(
    ("function_urls", "secret", "sentence"),
    [
        ({"videos": "https://x"}, "s", "there is no queue 'videos'; there are sessions, imports"),
        ({"sessions": "ftp://x"}, "s", "is not a function's URL"),
        ({"sessions": "https://x"}, "", "CARREL_FUNCTION_SECRET"),
    ],
)
def test_invalid_configuration_is_refused(function_urls: dict[str, str], secret: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        open_transports(function_urls, secret)


def test_transports_are_by_class_or_region() -> None:
    transports = open_transports(
        {"sessions": "sqs+https://sqs.eu-west-1.amazonaws.com/1/b", "us:imports": "https://x"}, "s"
    )

    assert isinstance(transports["sessions"], SqsWakeTransport)
    assert isinstance(transports["us:imports"], HttpWakeTransport)
