"""A proxy on loopback between a client, a fake container and a session directory that a test controls."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
import uvloop

from proxy.config import ProxyOptions
from proxy.server import ProxyServer, create_server, run
from tests.proxy.client import DOMAIN, Client, Reply
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, FakeSession, InMemoryDirectory

OPTIONS = ProxyOptions("http://platform.test:8080", "http", DOMAIN, 8081, sweep_seconds=0.05, grace_seconds=2)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], object]]:
    """Run these tests on the loop that serves in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    origin = Origin()
    yield origin
    await origin.stop()


@pytest.fixture
async def directory(origin: Origin) -> InMemoryDirectory:
    directory = InMemoryDirectory()
    address = await origin.start()
    directory.sessions[LABEL] = FakeSession(http=address, websocket=address)
    return directory


@dataclass
class RunningProxy:
    """A proxy that serves, and its clients."""

    server: ProxyServer
    port: int
    task: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def connect(self, *, receive_buffer: int | None = None) -> Client:
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        except OSError:
            connection.close()
            raise
        client = Client(*await asyncio.open_connection(sock=connection, limit=1 << 20))
        self.clients.append(client)
        return client

    async def ask(self, data: bytes, *, head: bool = False) -> Reply:
        """Send one request over a connection of its own."""
        client = await self.connect()
        return await client.ask(data, head=head)


Opener = Callable[..., Awaitable[RunningProxy]]


@pytest.fixture
async def open_proxy(directory: InMemoryDirectory) -> AsyncIterator[Opener]:
    proxies: list[RunningProxy] = []

    async def open_with(**changes: object) -> RunningProxy:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
        server = create_server(directory, options, host="127.0.0.1", port=0, signals=False)
        proxy = RunningProxy(server, listener.getsockname()[1], asyncio.create_task(run(server, [listener])))
        proxies.append(proxy)
        async with asyncio.timeout(5):
            await server.ready.wait()
        return proxy

    yield open_with
    for proxy in proxies:
        for client in proxy.clients:
            client.close()
        for connection in list(proxy.server.server_state.connections):
            connection.transport.abort()
        proxy.server.should_exit = True
        await proxy.task


@pytest.fixture
async def proxy(open_proxy: Opener) -> RunningProxy:
    return await open_proxy()
