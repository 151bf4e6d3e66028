"""A private Redis for one machine, on a unix socket; `carrel up` uses it when no REDIS_URL is set.

The server ends with its parent process and keeps its data in the data folder.
"""

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
PR_SET_PDEATHSIG = 1


def find_binary() -> str | None:
    """Return the path of a Redis-compatible server on this machine, or None."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return None


class RedisServer:
    """A Redis process. Start it from the main thread, because it ends with the thread that started it."""

    def __init__(self, data: Path) -> None:
        """Keep the append-only file in `data`; the socket is in a temporary folder of mode 700."""
        self._data = data
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> str:
        """Start the server and return its address; Unavailable when no Redis is installed."""
        server = find_binary()
        if server is None:
            raise Unavailable("No Redis was found; install redis-server, or set REDIS_URL.")
        self._data.mkdir(parents=True, exist_ok=True)
        self._folder = Path(mkdtemp(prefix="carrel-"))
        socket = self._folder / "redis"
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it must outlive this call; fixed arguments
            _command(server, socket, self._data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach Redis, which is needed during the shutdown.
            preexec_fn=_exit_with_parent,  # noqa: PLW1509 - one prctl call, safe between fork and exec
        )
        await self._wait(socket)
        return f"unix://{socket}"

    async def _wait(self, socket: Path) -> None:
        process = self._process
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await _is_ready(socket):
            if process is None or process.poll() is not None:
                raise Unavailable("The private Redis exited at once; check the permissions of its data folder.")
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"The private Redis did not start within {START_SECONDS:g} seconds; try again.")
            await asyncio.sleep(0.01)

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Stop the server after it has written its data; kill it after `seconds`."""
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


async def _is_ready(socket: Path) -> bool:
    """Return whether a server answers; one that still loads its data answers with an error."""
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
        # Jobs must not be evicted.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [server, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _exit_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
