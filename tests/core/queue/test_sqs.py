"""Wake-ups over SQS are signed with the credentials that boto3 finds, and errors are one sentence."""

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from core.errors import BadInput, Unavailable
from core.queue.functions import sqs
from core.queue.functions.sqs import SqsWakeTransport
from tests.functions.fixtures import aws, keys
from tests.services.aws import Aws
from tests.services.local_lambda import QuietServer

__all__ = ["aws", "keys"]
BODY = b'{"queue": "carrel:eu"}'
SENT = {"MessageId": "1"}
SCOPE = r"AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/\d{8}/eu-central-1/sqs/"


class QueueServer:
    """An HTTP server in the place of SQS, which records the headers of requests; it fails `failures` times."""

    def __init__(self) -> None:
        self.failures = 0
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_POST(self) -> None:
                server.headers.append(dict(self.headers))
                self.rfile.read(int(self.headers["Content-Length"]))
                failed, server.failures = server.failures > 0, server.failures - 1
                body = b"{}" if failed else json.dumps(SENT).encode()
                self.send_response(503 if failed else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/123456789012/wakeups"


@pytest.fixture
def server() -> Iterator[QueueServer]:
    server = QueueServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


async def test_sqs_message_is_sent(aws: Aws, keys: None) -> None:
    url = await asyncio.to_thread(aws.queue, "wakeups")

    await SqsWakeTransport(url).send(BODY, 0)
    await SqsWakeTransport(url).send(BODY, 600)

    (message,) = await asyncio.to_thread(aws.received, url)
    assert json.loads(message["Body"]) == {"queue": "carrel:eu"}
    waiting = await asyncio.to_thread(aws.sqs, "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    assert waiting["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


async def test_missing_sqs_queue_is_reported(aws: Aws, keys: None) -> None:
    with pytest.raises(Unavailable, match="SQS responded with status 400"):
        await SqsWakeTransport(f"{aws.url}/123456789012/nowhere").send(BODY, 0)


@pytest.mark.parametrize("token", [None, "session-token/+="])
async def test_request_is_signed_with_credentials_of_environment(
    server: QueueServer, keys: None, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)

    await SqsWakeTransport(server.url).send(BODY, 0)

    (headers,) = server.headers
    assert re.match(SCOPE, headers["Authorization"])
    assert headers.get("X-Amz-Security-Token") == token


async def test_failed_request_is_repeated_once(server: QueueServer, keys: None) -> None:
    server.failures = 1

    await SqsWakeTransport(server.url).send(BODY, 0)

    assert len(server.headers) == 2


async def test_lasting_failure_is_unavailable(server: QueueServer, keys: None) -> None:
    server.failures = 10

    with pytest.raises(Unavailable, match="SQS responded with status 503"):
        await SqsWakeTransport(server.url).send(BODY, 0)

    assert len(server.headers) == sqs.MAX_ATTEMPTS


async def test_unreachable_queue_is_unavailable(keys: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/1/wakeups"

        with pytest.raises(Unavailable, match="SQS cannot be reached"):
            await SqsWakeTransport(url).send(BODY, 0)


async def test_missing_credentials_error_names_the_variables(
    server: QueueServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Unavailable, match="set AWS_ACCESS_KEY_ID"):
        await SqsWakeTransport(server.url).send(BODY, 0)


@pytest.mark.parametrize(
    ("host", "region"), [("sqs.us-west-2.amazonaws.com", "us-west-2"), ("127.0.0.1", "eu-central-1")]
)
def test_region_is_that_of_the_host_or_environment(keys: None, host: str, region: str) -> None:
    assert sqs._region(host) == region


def test_missing_boto3_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs, "find_spec", lambda _name: None)

    with pytest.raises(BadInput, match=r"install carrel\[aws\]"):
        SqsWakeTransport("https://sqs.eu-west-1.amazonaws.com/1/b")


async def test_sending_does_not_block_the_loop(server: QueueServer, keys: None) -> None:
    began, ticks = time.monotonic(), 0
    sending = asyncio.create_task(SqsWakeTransport(server.url).send(BODY, 0))
    while not sending.done():
        await asyncio.sleep(0.005)
        ticks += 1
    await sending

    assert ticks > 2, time.monotonic() - began
