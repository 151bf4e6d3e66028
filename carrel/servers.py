"""Runs the API, the proxy and the worker over open services, each until its task is cancelled."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvicorn

from carrel.services import ProcessServices
from core.errors import Unavailable
from jobs import worker
from jobs.context import RegionContext
from proxy.server import serve as serve_proxy
from resolvers.data.dataoperations import list_operations
from resolvers.sessions.queue_position_events import watch_queues
from schema.app import create_app

HEADERS_LIMIT = 64 * 1024
GRACE_SECONDS = 5


class ApiServer(uvicorn.Server):
    """A uvicorn server that leaves signals to carrel.shutdown."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


def listen(host: str, port: int, variable: str) -> socket.socket:
    """Return a listening socket; Unavailable names the `variable` that chooses another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port} ({error.strerror}); set {variable} to another address."
        ) from error
    opened.listen(2048)
    opened.setblocking(False)
    return opened


def port_of(url: str) -> int:
    """Return the port of an address, or the default port of its scheme."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


async def api(services: ProcessServices, sockets: list[socket.socket]) -> None:
    """Serve the API on the sockets until the task is cancelled; running requests get GRACE_SECONDS to finish."""
    app_state = services.app_state
    config = uvicorn.Config(
        create_app(app_state),
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,  # Events are small; each compressor would take 40 KiB.
        ws_ping_interval=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = ApiServer(config)
    queue_events = asyncio.create_task(watch_queues(app_state.bus), name="queue-positions")
    server_task = asyncio.create_task(server.serve(sockets))
    # Importing operations is slow, so do it before the first request needs them.
    operations = asyncio.create_task(list_operations(), name="operations")
    try:
        await asyncio.shield(server_task)
        await operations
    except asyncio.CancelledError:
        app_state.closing.set()
        server.should_exit = True
        await asyncio.gather(server_task, operations)
        raise
    finally:
        queue_events.cancel()


async def proxy(services: ProcessServices, sockets: list[socket.socket]) -> None:
    """Serve sessions on the sockets until the task is cancelled; open requests get a grace period."""
    settings = services.settings
    await serve_proxy(
        settings,
        services.session_access,
        host=settings.bind_host,
        port=port_of(settings.sessions_url),
        health_port=settings.health_port or None,
        sockets=sockets,
        signals=False,
    )


async def watch(services: ProcessServices, region_context: RegionContext) -> None:
    """Follow the engine of the region until the task is cancelled."""
    await worker.watch(region_context, services.redis)


async def work(services: ProcessServices, region_context: RegionContext) -> None:
    """Run the worker of the region until the task is cancelled."""
    await worker.run(region_context, services.redis)
