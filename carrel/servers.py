"""Run the API, the proxy and the worker over an open kernel, each until it is told to end."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvicorn

from carrel.services import Kernel
from core.errors import Unavailable
from jobs import worker
from jobs.context import Runtime
from proxy.server import serve as serve_proxy
from resolvers.data.dataoperations import known
from resolvers.sessions.queue_position_events import follow_lines
from schema.app import create_app

HEADERS_LIMIT = 64 * 1024
GRACE_SECONDS = 5


class ApiServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch nothing."""
        yield


def listen(host: str, port: int, variable: str) -> socket.socket:
    """Return a listening socket; when the port is taken, say which variable chooses another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise Unavailable(f"Cannot listen on {host}:{port} ({error.strerror}); set {variable} to another.") from error
    opened.listen(2048)
    opened.setblocking(False)
    return opened


def port_of(url: str) -> int:
    """Return the port of an address, named or usual."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


async def api(kernel: Kernel, sockets: list[socket.socket]) -> None:
    """Serve the API on the sockets until the task is cancelled; requests in hand are finished."""
    house = kernel.house
    config = uvicorn.Config(
        create_app(house),
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,  # Events are small, and each socket would hold a compressor of 40 KiB.
        ws_ping_interval=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = ApiServer(config)
    waking = asyncio.create_task(follow_lines(house.bus), name="lines")
    serving = asyncio.create_task(server.serve(sockets))
    loading = asyncio.create_task(known(), name="operations")  # So that nobody's first operation waits for it.
    try:
        await asyncio.shield(serving)
        await loading
    except asyncio.CancelledError:
        house.closing.set()
        server.should_exit = True
        await asyncio.gather(serving, loading)
        raise
    finally:
        waking.cancel()


async def proxy(kernel: Kernel, sockets: list[socket.socket]) -> None:
    """Serve sessions on the sockets until the task is cancelled; open requests get a grace."""
    settings = kernel.settings
    await serve_proxy(
        settings,
        kernel.doors,
        host=settings.bind_host,
        port=port_of(settings.sessions_url),
        health_port=settings.health_port or None,
        sockets=sockets,
        signals=False,
    )


async def watch(kernel: Kernel, runtime: Runtime) -> None:
    """Follow the engine of the runtime's region until the task is cancelled."""
    await worker.watch(runtime, kernel.redis)


async def work(kernel: Kernel, runtime: Runtime) -> None:
    """Run the worker of the runtime's region until the task is cancelled."""
    await worker.run(runtime, kernel.redis)
