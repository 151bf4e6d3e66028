"""The Docker SDK in threads, with timeouts and with its errors translated; the Docker engine's modules use it."""

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

from core.concurrency.daemon_threads import DaemonThreadExecutor
from core.engine.local.sockets import is_answering
from core.engine.protocol import EngineRefused, EngineUnavailable, ImageMissing

P = ParamSpec("P")
T = TypeVar("T")

PING_SECONDS = 5
CALL_SECONDS = 30
STREAM_SECONDS = 900
_CALLS_AT_ONCE = 16
_STREAMS_AT_ONCE = 4
_MIN_API_VERSION = "1.41"
_MAX_REASON_LENGTH = 300
_UNREACHABLE = (requests.RequestException, urllib3.exceptions.HTTPError, docker.errors.DockerException, OSError)


class DockerClient:
    """The connections and threads of one endpoint, opened at the first call.

    It does not use the loop's default executor: a few slow engine calls would block all other users of it.
    """

    def __init__(self, url: str, certificates: Path | None) -> None:
        self._url = url
        self._certificates = certificates
        self._lock = threading.Lock()
        self._podman = False
        self._opened: dict[float, Any] = {}
        self._calls = DaemonThreadExecutor(_CALLS_AT_ONCE, "engine")
        self._streams = DaemonThreadExecutor(_STREAMS_AT_ONCE, "engine-stream")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short call to the engine; its errors are translated."""
        return await self._run(self._calls, functools.partial(function, *args, **kwargs))

    async def stream(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long call, such as loading an image, in a pool that does not block the short calls."""
        return await self._run(self._streams, functools.partial(function, *args, **kwargs))

    def api(self, timeout: float = CALL_SECONDS) -> Any:
        """Return the SDK's client whose reads time out after `timeout` seconds.

        It blocks: call it in a thread of this class.
        """
        with self._lock:
            # The SDK sets the timeout per client, so there is one client for each timeout.
            if timeout not in self._opened:
                self._opened[timeout] = self._open(timeout)
            return self._opened[timeout]

    def is_podman(self) -> bool:
        """Return whether the endpoint is Podman. It blocks."""
        self.api()
        return self._podman

    def close(self) -> None:
        """Close the connections; running calls end by themselves."""
        self._calls.shutdown()
        self._streams.shutdown()
        for client in self._opened.values():
            client.close()

    async def call_shielded(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short call that is awaited for a moment when its caller is cancelled.

        What it creates is then visible to the next call.
        """
        running = asyncio.ensure_future(self.call(function, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running}, timeout=PING_SECONDS)
            if running.done() and not running.cancelled():
                running.exception()
            raise

    async def _run(self, pool: Executor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, translate_errors, function)

    def _open(self, timeout: float) -> Any:
        """Return a client with the newest API version that both sides support."""
        if self._url.startswith("unix://") and not is_answering(Path(self._url.removeprefix("unix://"))):
            raise EngineUnavailable  # The SDK would leave its failed socket open.
        probe = self._client(_MIN_API_VERSION, timeout)
        try:
            version = probe.version(api_version=False)
        finally:
            probe.close()
        self._podman = any("podman" in part["Name"].lower() for part in version.get("Components") or ())
        server, sdk = version["ApiVersion"], docker.constants.DEFAULT_DOCKER_API_VERSION
        return self._client(min(server, sdk, key=lambda text: [int(part) for part in text.split(".")]), timeout)

    def _client(self, version: str, timeout: float) -> Any:
        size = _CALLS_AT_ONCE + _STREAMS_AT_ONCE
        client = docker.APIClient(self._url, version=version, timeout=timeout, tls=self._tls(), max_pool_size=size)
        # Otherwise REQUESTS_CA_BUNDLE and the environment's proxies override the endpoint's settings.
        client.trust_env = False
        return client

    def _tls(self) -> Any:
        if self._certificates is None:
            return False
        pair = (str(self._certificates / "cert.pem"), str(self._certificates / "key.pem"))
        return docker.tls.TLSConfig(client_cert=pair, ca_cert=str(self._certificates / "ca.pem"), verify=True)


def translate_errors(function: Callable[[], T]) -> T:
    """Call `function` and translate the SDK's errors into those of the protocol."""
    try:
        return function()
    except docker.errors.ImageNotFound as error:
        raise ImageMissing("The engine does not have this image; load it first.") from error
    except docker.errors.APIError as error:
        if error.status_code == requests.codes.service_unavailable:
            raise EngineUnavailable from error
        raise EngineRefused(refusal_sentence(error)) from error
    except _UNREACHABLE as error:
        raise EngineUnavailable from error


def refusal_sentence(error: docker.errors.APIError) -> str:
    """Return the engine's explanation as one sentence on one line."""
    text = " ".join(str(error.explanation or error).split())
    return f"The engine refused: {text[:_MAX_REASON_LENGTH].rstrip('.')}."
