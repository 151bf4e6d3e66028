"""What strikes a bell: a signed HTTP request to the function's own address, or a message to a queue of SQS."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from redis.asyncio import Redis

from core.clock import now
from core.errors import BadInput, Unavailable
from core.queue.functions.sigv4 import credentials, signed_headers
from core.queue.functions.waker import HEADER, Bells, Clapper, known, sign
from core.queue.names import QueueClass
from core.settings import Settings

REACH_SECONDS = 1.4
REFUSAL_SECONDS = 0.1
LONGEST_CALL = 900.0
SQS = "sqs+"


class HttpClapper:
    """A POST to an address at which an adapter listens, signed with the secret that both know.

    Such a host works while it is asked, and may stop a call whose caller has gone. So the connection stays open until
    the answer comes, in a thread of its own, and the bell counts as rung once the request has left and was not refused
    at once.
    """

    can_wait = False

    def __init__(self, url: str, secret: str) -> None:
        """Ring at `url`."""
        self._url, self._secret = url, secret

    async def strike(self, said: bytes, delay: int) -> None:  # noqa: ARG002 - it cannot wait
        """Send the request; Unavailable when it cannot be sent or is refused."""
        loop = asyncio.get_running_loop()
        sent, answered = loop.create_future(), loop.create_future()

        def tell(future: asyncio.Future[int], value: int | Exception) -> None:
            with suppress(RuntimeError):  # Nobody listens any more: the loop has ended.
                loop.call_soon_threadsafe(_settle, future, value)

        def ask() -> None:
            try:
                tell(answered, self._post(said, lambda: tell(sent, 0)))
            except (OSError, HTTPException) as error:
                tell(sent, error)
                tell(answered, error)

        threading.Thread(target=ask, name="bell", daemon=True).start()
        await self._await_refusal(sent, answered)

    async def ask(self, said: bytes) -> None:
        """Send the request and wait until the work is done; Unavailable when it was not."""
        try:
            self._check(await asyncio.to_thread(self._post, said, lambda: None))
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{self._url} cannot be reached: {type(error).__name__}.") from error

    async def _await_refusal(self, sent: asyncio.Future[int], answered: asyncio.Future[int]) -> None:
        try:
            await sent
            await asyncio.wait({answered}, timeout=REFUSAL_SECONDS)
            status = answered.result() if answered.done() else 200
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{self._url} cannot be reached: {type(error).__name__}.") from error
        self._check(status)

    def _check(self, status: int) -> None:
        if status >= 300:
            raise Unavailable(f"{self._url} answered {status}.")

    def _post(self, body: bytes, sent: Callable[[], None]) -> int:
        connection = _connection(self._url, REACH_SECONDS)
        try:
            path = urlsplit(self._url).path or "/"
            headers = {HEADER: sign(self._secret, body), "Content-Type": "application/json"}
            connection.request("POST", path, body, headers)
            if connection.sock:
                connection.sock.settimeout(LONGEST_CALL)
            sent()
            return connection.getresponse().status
        finally:
            connection.close()


class SqsClapper:
    """A message to a queue of SQS, whose event source starts the function."""

    can_wait = True

    def __init__(self, queue_url: str) -> None:
        """Send to the queue with this address."""
        parts = urlsplit(queue_url)
        self._queue_url, self._endpoint = queue_url, f"{parts.scheme}://{parts.netloc}/"
        self._region = _region(parts.hostname or "")

    async def strike(self, said: bytes, delay: int) -> None:
        """Send the message; Unavailable when it was not taken."""
        await asyncio.to_thread(self._send, said, delay)

    def _send(self, text: bytes, delay: int) -> None:
        asked = {"QueueUrl": self._queue_url, "MessageBody": text.decode(), "DelaySeconds": delay}
        body = json.dumps(asked).encode()
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
        signed = signed_headers(
            self._endpoint, headers, body, service="sqs", region=self._region, by=credentials(), at=now()
        )
        connection = _connection(self._endpoint, REACH_SECONDS)
        try:
            connection.request("POST", "/", body, signed)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Unavailable(f"SQS answered {answer.status}: {answer.read(200).decode(errors='replace')}")
        except (OSError, HTTPException) as error:
            raise Unavailable(f"SQS cannot be reached: {type(error).__name__}") from error
        finally:
            connection.close()


def _connection(url: str, seconds: float) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=seconds)


def _settle(future: asyncio.Future[int], value: int | Exception) -> None:
    if future.done():
        return
    if isinstance(value, Exception):
        future.set_exception(value)
        future.exception()  # It may be that nobody asks any more.
    else:
        future.set_result(value)


def _region(host: str) -> str:
    parts = host.split(".")
    if parts[0] == "sqs" and len(parts) > 3:
        return parts[1]
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def open_bells(settings: Settings, redis: Redis) -> Bells:
    """Return the bells that are configured; BadInput says which of them cannot be."""
    secret = settings.bell_secret.get_secret_value() if settings.bell_secret else ""
    return Bells(redis, clappers_of(settings.bells, secret))


def clappers_of(bells: Mapping[str, str], secret: str) -> dict[str, Clapper]:
    """Return what strikes each bell, by its name."""
    return {name: _clapper(name, url, secret) for name, url in bells.items()}


def _clapper(name: str, url: str, secret: str) -> Clapper:
    if not known(name):
        there = ", ".join(QueueClass)
        raise BadInput(
            f"CARREL_BELLS: there is no queue {name!r}; there are {there}, and region:sessions for one region."
        )
    if url.startswith(SQS):
        return SqsClapper(url.removeprefix(SQS))
    if urlsplit(url).scheme not in {"http", "https"}:
        raise BadInput(
            f"CARREL_BELLS: {url!r} is no bell; write https://host/path, or sqs+https://… for a queue of SQS."
        )
    if not secret:
        raise BadInput("CARREL_BELL_SECRET: a bell by HTTP is signed; set the secret that the function knows too.")
    return HttpClapper(url, secret)
