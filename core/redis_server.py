"""A private Redis for one machine: found on PATH, on a unix socket, ending with its parent, keeping its data."""

import asyncio
import ctypes
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from core.errors import Unavailable

START_SECONDS = 5.0
STOP_SECONDS = 10.0
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
        address = self._folder / "redis"
        self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it must outlive this call; fixed arguments
            _command(server, address, self._data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we still need Redis while we stop.
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one prctl call, safe between fork and exec
        )
        await self._wait(address)
        return f"unix://{address}"

    async def _wait(self, address: Path) -> None:
        process = self._process
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not _accepts(address):
            if process is None or process.poll() is not None:
                raise Unavailable("The private Redis ended at once; look at its data folder's permissions.")
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("The private Redis did not start within five seconds.")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End the server after it has written what it holds."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.terminate()
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _command(server: str, address: Path, data: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "600",
        "dir": str(data),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [server, *(part for name, value in options.items() for part in (f"--{name}", value))]


def _accepts(path: Path) -> bool:
    """Say whether somebody listens at the socket; for a moment it is there and refuses."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
