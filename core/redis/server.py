"""A private Redis for one machine: found on PATH, on a unix socket, ending with its parent, keeping its data."""

import asyncio
import ctypes
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from core.errors import Unavailable

START_SECONDS = 5.0
STOP_SECONDS = 10.0
PING_SECONDS = 1.0
SET_PARENT_DEATH_SIGNAL = 1


def binary() -> str | None:
    """Return a Redis-compatible server of this machine, or None."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return None


class RedisServer:
    """A server process of our own; start it from the main thread, since it ends with the thread that began it."""

    def __init__(self, data: Path) -> None:
        """Keep the append-only file in `data`; the socket lies in a short temporary folder of mode 700."""
        self._data = data
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> str:
        """Start the server and return its address; Unavailable says what to install when there is none."""
        server = binary()
        if server is None:
            raise Unavailable("No Redis was found; install redis-server, or set REDIS_URL.")
        self._data.mkdir(parents=True, exist_ok=True)
        self._folder = Path(mkdtemp(prefix="carrel-"))
        socket = self._folder / "redis"
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it must outlive this call; fixed arguments
            _command(server, socket, self._data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we still need Redis while we stop.
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one prctl call, safe between fork and exec
        )
        await self._wait(socket)
        return f"unix://{socket}"

    async def _wait(self, socket: Path) -> None:
        process = self._process
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await _answers(socket):
            if process is None or process.poll() is not None:
                raise Unavailable("The private Redis ended at once; look at its data folder's permissions.")
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("The private Redis did not start within five seconds.")
            await asyncio.sleep(0.01)

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End the server after it has written what it holds; one that does not heed is killed."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


async def _answers(socket: Path) -> bool:
    """Say whether a server answers here; one that still loads what it has kept says so instead."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return answer == b"+PONG\r\n"


def _command(server: str, socket: Path, data: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [server, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
