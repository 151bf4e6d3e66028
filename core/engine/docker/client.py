"""The Docker SDK on threads of its own, with timeouts, and its errors in our words."""

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import docker
import docker.errors
import requests
import urllib3

from core.concurrency.daemon_threads import Threads
from core.engine.local.sockets import answers
from core.engine.protocol import EngineRefused, EngineUnavailable, ImageMissing

P = ParamSpec("P")
T = TypeVar("T")

PING_SECONDS = 5
CALL_SECONDS = 30
STREAM_SECONDS = 900
_CALLS_AT_ONCE = 16
_STREAMS_AT_ONCE = 4
_OLDEST_API = "1.41"
_LONGEST_REASON = 300
_UNREACHABLE = (requests.RequestException, urllib3.exceptions.HTTPError, docker.errors.DockerException, OSError)


class DockerClient:
    """One endpoint's connections and threads; nothing is opened before the first call.

    The loop's default executor is left alone: a few slow engine calls would starve whoever shares it.
    """

    def __init__(self, url: str, certificates: Path | None) -> None:
        self._url = url
        self._certificates = certificates
        self._lock = threading.Lock()
        self._podman = False
        self._opened: dict[float, Any] = {}
        self._calls = Threads(_CALLS_AT_ONCE, "engine")
        self._streams = Threads(_STREAMS_AT_ONCE, "engine-stream")

    async def call(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short conversation with the engine, errors in our words."""
        return await self._run(self._calls, functools.partial(do, *args, **kwargs))

    async def stream(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long one, such as loading an image, where it cannot hold up the short ones."""
        return await self._run(self._streams, functools.partial(do, *args, **kwargs))

    def api(self, timeout: float = CALL_SECONDS) -> Any:
        """Return the SDK's client, whose every read gives up after `timeout` seconds.

        It blocks: call it on our threads.
        """
        with self._lock:
            if timeout not in self._opened:
                self._opened[timeout] = self._open(timeout)
            return self._opened[timeout]

    def is_podman(self) -> bool:
        """Say whether Podman answers for Docker. Blocks."""
        self.api()
        return self._podman

    def close(self) -> None:
        """Close the connections; calls under way end on their own."""
        self._calls.shutdown()
        self._streams.shutdown()
        for client in self._opened.values():
            client.close()

    async def call_to_its_end(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short conversation that, when its caller is cancelled, is waited for all the same, for a moment.

        What it makes is there then, for whoever looks next.
        """
        talking = asyncio.ensure_future(self.call(do, *args, **kwargs))
        try:
            return await asyncio.shield(talking)
        except asyncio.CancelledError:
            await asyncio.wait({talking}, timeout=PING_SECONDS)
            if talking.done() and not talking.cancelled():
                talking.exception()
            raise

    async def _run(self, pool: Executor, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, in_our_words, do)

    def _open(self, timeout: float) -> Any:
        """Agree on a version of the API: the newest that both sides know."""
        if self._url.startswith("unix://") and not answers(Path(self._url.removeprefix("unix://"))):
            raise EngineUnavailable  # The SDK would leave its failed socket open.
        probe = self._client(_OLDEST_API, timeout)
        try:
            version = probe.version(api_version=False)
        finally:
            probe.close()
        self._podman = any("podman" in part["Name"].lower() for part in version.get("Components") or ())
        theirs, ours = version["ApiVersion"], docker.constants.DEFAULT_DOCKER_API_VERSION
        return self._client(min(theirs, ours, key=lambda text: [int(part) for part in text.split(".")]), timeout)

    def _client(self, version: str, timeout: float) -> Any:
        size = _CALLS_AT_ONCE + _STREAMS_AT_ONCE
        client = docker.APIClient(self._url, version=version, timeout=timeout, tls=self._tls(), max_pool_size=size)
        # Otherwise REQUESTS_CA_BUNDLE and proxies of the environment win over the endpoint's own settings.
        client.trust_env = False
        return client

    def _tls(self) -> Any:
        if self._certificates is None:
            return False
        pair = (str(self._certificates / "cert.pem"), str(self._certificates / "key.pem"))
        return docker.tls.TLSConfig(client_cert=pair, ca_cert=str(self._certificates / "ca.pem"), verify=True)


def in_our_words(do: Callable[[], T]) -> T:
    """Call, and turn the SDK's errors into those of the protocol."""
    try:
        return do()
    except docker.errors.ImageNotFound as error:
        raise ImageMissing("The engine does not have this image; load it first.") from error
    except docker.errors.APIError as error:
        if error.status_code == requests.codes.service_unavailable:
            raise EngineUnavailable from error
        raise EngineRefused(reason(error)) from error
    except _UNREACHABLE as error:
        raise EngineUnavailable from error


def reason(error: docker.errors.APIError) -> str:
    """Return the engine's own explanation as one sentence on one line."""
    said = " ".join(str(error.explanation or error).split())
    return f"The engine refused: {said[:_LONGEST_REASON].rstrip('.')}."
