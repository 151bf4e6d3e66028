"""The transports of wake-ups: a signed HTTP request to the function's URL, or a message to an SQS queue."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from redis.asyncio import Redis

from core.errors import BadInput, Unavailable
from core.queue.functions.sqs import SqsWakeTransport
from core.queue.functions.waker import SIGNATURE_HEADER, FunctionWaker, WakeTransport, is_valid_queue, sign
from core.queue.names import QueueClass
from core.settings import Settings

CONNECT_SECONDS = 1.4
REFUSAL_SECONDS = 0.1
MAX_CALL_SECONDS = 900.0
SQS = "sqs+"


class HttpWakeTransport:
    """A signed POST to the URL of a function's HTTP adapter.

    Such a host works only during a request, and may abort a call whose client has gone. The connection therefore stays
    open in a thread until the response arrives. `send` returns once the request was sent and not refused at once.
    """

    can_delay = False

    def __init__(self, url: str, secret: str) -> None:
        """Send to `url`."""
        self._url, self._secret = url, secret

    async def send(self, body: bytes, delay: int) -> None:  # noqa: ARG002 - HTTP has no delay
        """Send the request; Unavailable when it cannot be sent or is refused."""
        loop = asyncio.get_running_loop()
        sent, answered = loop.create_future(), loop.create_future()

        def settle(future: asyncio.Future[int], value: int | Exception) -> None:
            with suppress(RuntimeError):  # The loop was closed.
                loop.call_soon_threadsafe(_settle, future, value)

        def post() -> None:
            try:
                settle(answered, self._post(body, lambda: settle(sent, 0)))
            except (OSError, HTTPException) as error:
                settle(sent, error)
                settle(answered, error)

        threading.Thread(target=post, name="wake-up", daemon=True).start()
        await self._await_refusal(sent, answered)

    async def call(self, body: bytes) -> None:
        """Send the request and wait for the work; Unavailable when it failed."""
        try:
            self._check(await asyncio.to_thread(self._post, body, lambda: None))
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
            raise Unavailable(f"{self._url} responded with status {status}.")

    def _post(self, body: bytes, sent: Callable[[], None]) -> int:
        connection = _connection(self._url, CONNECT_SECONDS)
        try:
            path = urlsplit(self._url).path or "/"
            headers = {SIGNATURE_HEADER: sign(self._secret, body), "Content-Type": "application/json"}
            connection.request("POST", path, body, headers)
            if connection.sock:
                # The short timeout is for connecting only; the call itself may take minutes.
                connection.sock.settimeout(MAX_CALL_SECONDS)
            sent()
            return connection.getresponse().status
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
        future.exception()  # Retrieve it: the caller may have been cancelled.
    else:
        future.set_result(value)


def open_function_waker(settings: Settings, redis: Redis) -> FunctionWaker:
    """Return the waker for the configured functions; BadInput when a URL or the secret is not valid."""
    secret = settings.function_secret.get_secret_value() if settings.function_secret else ""
    return FunctionWaker(redis, open_transports(settings.function_urls, secret))


def open_transports(function_urls: Mapping[str, str], secret: str) -> dict[str, WakeTransport]:
    """Return the transport of each queue class, by its name."""
    return {name: _open_transport(name, url, secret) for name, url in function_urls.items()}


def _open_transport(name: str, url: str, secret: str) -> WakeTransport:
    if not is_valid_queue(name):
        classes = ", ".join(QueueClass)
        raise BadInput(
            f"CARREL_FUNCTION_URLS: there is no queue {name!r}; there are {classes},"
            " and region:sessions for one region."
        )
    if url.startswith(SQS):
        return SqsWakeTransport(url.removeprefix(SQS))
    if urlsplit(url).scheme not in {"http", "https"}:
        raise BadInput(
            f"CARREL_FUNCTION_URLS: {url!r} is not a function's URL; write https://host/path,"
            " or sqs+https://… for an SQS queue."
        )
    if not secret:
        raise BadInput("CARREL_FUNCTION_SECRET: wake-ups by HTTP are signed; set the secret that the function has.")
    return HttpWakeTransport(url, secret)
