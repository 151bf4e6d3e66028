"""A real Redis for tests, and one that tests can kill."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import Unavailable
from core.redis.server import RedisServer, find_binary
from tests.services.missing import MissingService

START_SECONDS = 10.0


@contextmanager
def redis_server() -> Iterator[str]:
    """Run Carrel's private Redis until the context ends; yield its address."""
    with TemporaryDirectory(prefix="carrel-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            yield asyncio.run(_start(server))
        finally:
            asyncio.run(server.stop())


async def _start(server: RedisServer) -> str:
    try:
        return await server.start()
    except Unavailable as error:
        raise MissingService(error.message) from error


class KillableRedis:
    """A Redis that a test can kill and start again at the same address, without persistence."""

    START_SECONDS = 10.0

    def __init__(self, folder: Path) -> None:
        """Listen on a socket in `folder`; MissingService if no server is installed."""
        server = find_binary()
        if server is None:
            raise MissingService("install redis-server")
        self._socket = folder / "redis"
        options = {"port": "0", "unixsocket": str(self._socket), "dir": str(folder), "save": "", "appendonly": "no"}
        self._command = [server, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The address, also while it is killed."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it and wait until it responds."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + self.START_SECONDS
        while not self._socket.exists():
            assert self._process.poll() is None, "the Redis ended at once"
            assert time.monotonic() < end, "the Redis did not start in time"
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, which breaks every connection; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._socket.unlink(missing_ok=True)


@contextmanager
def redis_on_a_port() -> Iterator[str]:
    """Run a server on a TCP port, as functions use it; yield its address."""
    server = find_binary()
    if server is None:
        raise MissingService("No Redis was found; install redis-server.")
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = int(opened.getsockname()[1])
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=os.path.sep)
    try:
        _await_port(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _await_port(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise MissingService(f"Redis did not come up on port {port}.")
