"""The engine's event stream: it detects a silent engine and loses no event over a reconnection."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from docker.types import CancellableStream

from core.concurrency.cancellable_thread import ThreadCancellation, WorkCancelled
from core.engine.docker.client import PING_SECONDS, DockerClient, translate_errors
from core.engine.docker.spec import event
from core.engine.protocol import EngineEvent
from core.errors import EngineError

SILENCE_SECONDS = 15.0
_CONNECT_SECONDS = 5.0
_CHUNK = 65_536
_ROUNDING = 1e-6
_SILENCE = (
    requests.Timeout,
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)


async def follow(
    client: DockerClient, labels: Mapping[str, str], since: datetime | None, silence: float
) -> AsyncIterator[EngineEvent]:
    """Yield events that a thread reads, until the consumer leaves or the engine is lost."""
    reader = EventReader(client, labels, since, silence)
    reader.start()
    try:
        while True:
            item = await reader.queue.get()
            if isinstance(item, EngineError):
                raise item
            yield item
    finally:
        reader.stop()


class EventReader:
    """A thread that reads events into `queue`; its last item is the error that ended it."""

    def __init__(self, client: DockerClient, labels: Mapping[str, str], since: datetime | None, silence: float) -> None:
        self.queue: asyncio.Queue[EngineEvent | EngineError] = asyncio.Queue()
        self._client = client
        self._filters = json.dumps(
            {"type": ["container"], "label": [f"{key}={value}" for key, value in labels.items()]}
        )
        self._since = f"{since.timestamp() - _ROUNDING:.6f}" if since else None
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._cancellation = ThreadCancellation()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="engine-events", daemon=True).start()

    def stop(self) -> None:
        """Stop the thread by closing its connection."""
        self._cancellation.cancel()

    def _run(self) -> None:
        try:
            while not self._cancellation.cancelled.is_set():
                translate_errors(self._read_until_silence)
        except WorkCancelled:
            return
        except EngineError as error:
            self._put(error)

    def _read_until_silence(self) -> None:
        """Read one connection until it breaks or is silent for a while; then the engine must answer a ping."""
        api = self._client.api()
        try:
            with closing(self._open(api)) as response:
                stream = CancellableStream(response.iter_lines(chunk_size=_CHUNK), response)
                with self._cancellation.on_cancel(stream.close):
                    self._read(stream)
        except _SILENCE:
            if not self._cancellation.cancelled.is_set():
                self._client.api(PING_SECONDS).ping()

    def _open(self, api: Any) -> requests.Response:
        parameters = {"filters": self._filters, **({"since": self._since} if self._since else {})}
        timeout = (_CONNECT_SECONDS, self._silence)
        response: requests.Response = api.get(
            f"{api.base_url}/v{api.api_version}/events", params=parameters, stream=True, timeout=timeout
        )
        response.raise_for_status()
        if self._since is None:
            # By the engine's clock: a reconnection before the first event then replays what it missed.
            self._since = str(int(parsedate_to_datetime(response.headers["Date"]).timestamp()))
        return response

    def _read(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            message = json.loads(line)
            # The next connection continues after this event.
            self._since = _just_after(message["timeNano"])
            if found := event(message):
                self._put(found)

    def _put(self, item: EngineEvent | EngineError) -> None:
        if not self._cancellation.cancelled.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.queue.put_nowait, item)


def _just_after(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds + 1, 10**9)
    return f"{seconds}.{rest:09d}"
