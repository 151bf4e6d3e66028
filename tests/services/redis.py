"""A real Redis of the tests' own, and one that can be killed."""

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
from core.redis.server import RedisServer, binary
from tests.services.missing import Missing

START_SECONDS = 10.0


@contextmanager
def redis_server() -> Iterator[str]:
    """Run the product's own private server for the duration; yield its address."""
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
        raise Missing(error.message) from error


class MortalRedis:
    """A Redis that a test kills without warning and starts again at the same address; it keeps nothing."""

    START_SECONDS = 10.0

    def __init__(self, folder: Path) -> None:
        """Listen on a socket in `folder`; Missing when there is no server on this machine."""
        server = binary()
        if server is None:
            raise Missing("install redis-server")
        self._socket = folder / "redis"
        options = {"port": "0", "unixsocket": str(self._socket), "dir": str(folder), "save": "", "appendonly": "no"}
        self._command = [server, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it is, also while it is dead."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it; it answers when this returns."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + self.START_SECONDS
        while not self._socket.exists():
            assert self._process.poll() is None, "the Redis ended at once"
            assert time.monotonic() < end, "the Redis did not start in time"
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, so that every connection breaks at once; harmless when it is dead."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._socket.unlink(missing_ok=True)


@contextmanager
def redis_on_a_port() -> Iterator[str]:
    """Run a server that is reached over the network of this machine, as functions reach theirs; yield its address."""
    server = binary()
    if server is None:
        raise Missing("No Redis was found; install redis-server.")
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
    raise Missing(f"Redis did not come up on port {port}.")
