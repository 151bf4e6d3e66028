"""A proxy on loopback, before a container's program and behind doors that a test controls."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
import uvloop

from proxy.config import Options
from proxy.server import ProxyServer, create_server, run
from tests.proxy.client import DOMAIN, Client, Reply
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, MemoryDesk, MemoryDoors

OPTIONS = Options("http://platform.test:8080", "http", DOMAIN, 8081, sweep_seconds=0.05, grace_seconds=2)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], object]]:
    """Run these tests on the loop that serves in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    origin = Origin()
    yield origin
    await origin.stop()


@pytest.fixture
async def doors(origin: Origin) -> MemoryDoors:
    doors = MemoryDoors()
    address = await origin.start()
    doors.desks[LABEL] = MemoryDesk(http=address, websocket=address)
    return doors


@dataclass
class House:
    """A running proxy."""

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


Opener = Callable[..., Awaitable[House]]


@pytest.fixture
async def open_house(doors: MemoryDoors) -> AsyncIterator[Opener]:
    houses: list[House] = []

    async def open_it(**changes: object) -> House:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        options = replace(OPTIONS, **changes)  # type: ignore[arg-type]
        server = create_server(doors, options, host="127.0.0.1", port=0, signals=False)
        house = House(server, listener.getsockname()[1], asyncio.create_task(run(server, [listener])))
        houses.append(house)
        async with asyncio.timeout(5):
            await server.ready.wait()
        return house

    yield open_it
    for house in houses:
        for client in house.clients:
            client.close()
        for connection in list(house.server.server_state.connections):
            connection.transport.abort()
        house.server.should_exit = True
        await house.task


@pytest.fixture
async def house(open_house: Opener) -> House:
    return await open_house()
