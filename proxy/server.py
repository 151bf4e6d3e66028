"""Runs the proxy: relay and pages on one port, health and metrics on another. The command line serves with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import cast

from uvicorn import Config, Server

from proxy.access.activity import report_activity
from proxy.access.admission import Admission
from proxy.config import ProxyOptions, ProxySettings
from proxy.constants import RESTARTING
from proxy.directory import SessionDirectory
from proxy.health import create_health_app
from proxy.http.request import RequestParser
from proxy.pages.app import create_app
from proxy.relay.client_connection import ClientConnection
from proxy.relay.pool import Pool
from proxy.state import ProxyState

log = logging.getLogger(__name__)


class ProxyServer(Server):
    """A uvicorn server for session hosts; `signals=False` leaves the process's signal handlers alone."""

    def __init__(self, state: ProxyState, config: Config, *, signals: bool) -> None:
        super().__init__(config)
        self.state = state
        self.signals = signals
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then set `ready`."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch SIGTERM and SIGINT, unless the caller does."""
        if not self.signals:
            yield
            return
        with super().capture_signals():
            yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish requests within the grace period, then close the rest; websockets get a restart code."""
        await super().shutdown(sockets)
        for tunnel in list(self.state.open_tunnels):
            tunnel.revoke(RESTARTING)
        # These have used up the grace period.
        for connection in list(self.server_state.connections):
            cast("ClientConnection", connection).transport.abort()
        await self.state.admission.close()

    async def sweep(self) -> None:
        """Expire slow connections and prune idle ones; runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.state.now = now = loop.time()
            for connection in list(self.server_state.connections):
                cast("ClientConnection", connection).expire(now)
            for active in list(self.state.admission.sessions.values()):
                active.pool.prune(now)
            await asyncio.sleep(self.state.options.sweep_seconds)


def create_server(
    directory: SessionDirectory, options: ProxyOptions, *, host: str, port: int, signals: bool = True
) -> ProxyServer:
    """Return the server for session hosts, not yet running."""
    admission = Admission(directory, options, make_pool=lambda: Pool(options))
    state = ProxyState(options, admission, RequestParser(options))
    config = Config(
        create_app(directory, options),
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", partial(ClientConnection, state)),
        ws="none",  # The client connection relays websockets itself.
        lifespan="off",
        log_config=None,
        access_log=False,  # Targets may contain secrets of the container's program.
        server_header=False,
        date_header=False,
        proxy_headers=False,  # `trusted_peers` decides whose X-Forwarded-For is used.
        backlog=4096,
        timeout_graceful_shutdown=options.grace_seconds,
    )
    return ProxyServer(state, config, signals=signals)


async def run(server: ProxyServer, sockets: list[socket.socket] | None = None) -> None:
    """Run a server until `should_exit` is set; cancelling the task shuts it down gracefully too."""
    tasks = [asyncio.create_task(server.sweep()), asyncio.create_task(report_activity(server.state.admission))]
    serving = asyncio.create_task(server.serve(sockets))
    # Shielded, as a cancelled `serve` would skip the drain.
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        for task in tasks:
            task.cancel()


async def serve(
    settings: ProxySettings | ProxyOptions,
    directory: SessionDirectory,
    *,
    host: str,
    port: int,
    health_port: int | None,
    sockets: list[socket.socket] | None = None,
    signals: bool = True,
) -> None:
    """Serve sessions on `port` (or on `sockets`) and health on `health_port`, until a signal or cancellation.

    In another program's event loop pass `signals=False` and cancel the task, which drains connections.
    """
    options = settings if isinstance(settings, ProxyOptions) else ProxyOptions.from_settings(settings)
    if health_port:
        options = replace(options, forbidden_ports=options.forbidden_ports | {health_port})
    server = create_server(directory, options, host=host, port=port, signals=signals)
    if health_port is None:
        await run(server, sockets)
        return
    config = Config(
        create_health_app(server.state), host=host, port=health_port, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=False,
    )  # fmt: skip
    health = Server(config)
    # `serve()` would install signal handlers a second time.
    serving_health = asyncio.create_task(health._serve())
    try:
        await run(server, sockets)
    finally:
        health.should_exit = True
        await serving_health
