"""Running the proxy: the data path and its pages on one port, health on another, and a graceful end."""

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

from proxy.access.activity import Activity
from proxy.access.admission import Admission
from proxy.config import Options, ProxySettings
from proxy.directory import Doors
from proxy.health import create_health_app
from proxy.http.request import Understanding
from proxy.pages.app import create_app
from proxy.relay.client_connection import SessionProtocol
from proxy.relay.tunnel import RESTARTING
from proxy.state import Plane

log = logging.getLogger(__name__)


class ProxyServer(Server):
    """A uvicorn server for sessions; `signals=False` leaves the process's signal handlers alone."""

    def __init__(self, plane: Plane, config: Config, *, signals: bool) -> None:
        super().__init__(config)
        self.plane = plane
        self.signals = signals
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say that it did."""
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
        """Finish requests within the grace, then close what is left; websockets are told to come again."""
        await super().shutdown(sockets)
        for tunnel in list(self.plane.open_tunnels):
            tunnel.revoke(RESTARTING)
        for connection in list(self.server_state.connections):
            cast("SessionProtocol", connection).transport.abort()
        await self.plane.admission.close()

    async def sweep(self) -> None:
        """Expire slow connections and prune idle ones, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self.plane.now = now = loop.time()
            for connection in list(self.server_state.connections):
                cast("SessionProtocol", connection).expire(now)
            for line in list(self.plane.admission.lines.values()):
                line.pool.prune(now)
            await asyncio.sleep(self.plane.options.sweep_seconds)


async def tell_activity(plane: Plane) -> None:
    """Tell the doors, now and then, in which sessions somebody works; runs until it is cancelled."""
    activity = Activity()
    while True:
        await asyncio.sleep(plane.options.activity_seconds)
        for session_id in list(activity.busy(list(plane.admission.lines.values()))):
            try:
                async with asyncio.timeout(plane.options.doors_timeout):
                    await plane.admission.doors.used(session_id)
            except Exception:
                log.exception("It could not be kept that session %d is used.", session_id)


def create_server(doors: Doors, options: Options, *, host: str, port: int, signals: bool = True) -> ProxyServer:
    """Return the server for session hosts, not yet running."""
    plane = Plane(options, Admission(doors, options), Understanding(options))
    config = Config(
        create_app(doors, options),
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", partial(SessionProtocol, plane)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=4096,
        timeout_graceful_shutdown=options.grace_seconds,
    )
    return ProxyServer(plane, config, signals=signals)


async def run(server: ProxyServer, sockets: list[socket.socket] | None = None) -> None:
    """Run a server until it is told to exit; a cancelled caller gets the graceful end too."""
    tasks = [asyncio.create_task(server.sweep()), asyncio.create_task(tell_activity(server.plane))]
    serving = asyncio.create_task(server.serve(sockets))
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
    settings: ProxySettings | Options,
    doors: Doors,
    *,
    host: str,
    port: int,
    health_port: int | None,
    sockets: list[socket.socket] | None = None,
    signals: bool = True,
) -> None:
    """Serve sessions on `port` (or on `sockets`) and health on `health_port`, until told to stop.

    Inside another program's loop pass `signals=False` and cancel the task: that drains, too.
    """
    options = settings if isinstance(settings, Options) else Options.of(settings)
    if health_port:
        options = replace(options, forbidden_ports=options.forbidden_ports | {health_port})
    server = create_server(doors, options, host=host, port=port, signals=signals)
    if health_port is None:
        await run(server, sockets)
        return
    config = Config(
        create_health_app(server.plane), host=host, port=health_port, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=False,
    )  # fmt: skip
    health = Server(config)
    asking = asyncio.create_task(health._serve())
    try:
        await run(server, sockets)
    finally:
        health.should_exit = True
        await asking
