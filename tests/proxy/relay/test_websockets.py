"""Websockets of a real library on both sides, through the tunnel."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin as WebsocketOrigin
from websockets.typing import Subprotocol

from tests.proxy.client import HOST, handshake, request
from tests.proxy.conftest import House, Opener
from tests.proxy.origin import Origin, ok, says
from tests.proxy.session_directory import LABEL, MemoryDoors
from tests.proxy.waiting import settled, until

Handler = Callable[[ServerConnection], Awaitable[None]]
MANY_MEBIBYTES = 16 * 1024 * 1024
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def container(doors: MemoryDoors, handler: Handler = echo, **options: Any) -> AsyncIterator[Server]:
    """A container whose websocket port is served by the library."""
    async with serve(handler, "127.0.0.1", 0, max_size=None, **options) as server:
        address = next(iter(server.sockets)).getsockname()[:2]
        doors.desks[LABEL] = replace(doors.desks[LABEL], websocket=address)
        yield server


def dial(house: House, target: str = "/", **options: Any) -> connect:
    """Connect as the session's own page does."""
    cookie = {"Cookie": f"carrel-desk={LABEL}:owner"}
    return connect(
        f"ws://{HOST}{target}", host="127.0.0.1", port=house.port, origin=WebsocketOrigin(f"http://{HOST}"),
        additional_headers=cookie, max_size=None, proxy=None, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "message", ["text ünï", b"\x00\xff binary", "", b"a" * MANY_MEBIBYTES], ids=["text", "binary", "empty", "16 MiB"]
)
async def test_a_message_comes_back_as_it_went(house: House, doors: MemoryDoors, message: str | bytes) -> None:
    async with container(doors), dial(house) as connection:
        await connection.send(message)

        assert await connection.recv() == message


async def test_31_a_fragmented_message_with_pings_between_comes_whole(house: House, doors: MemoryDoors) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            await connection.ping()
            yield bytes([number]) * 1000

    async with container(doors), dial(house) as connection:
        await connection.send(pieces())

        assert await connection.recv() == b"".join(bytes([number]) * 1000 for number in range(100))


async def test_31_ten_thousand_tiny_messages_keep_their_order(house: House, doors: MemoryDoors) -> None:
    async def pour(connection: ClientConnection) -> None:
        for number in range(10_000):
            await connection.send(str(number))

    async with container(doors), dial(house, compression=None) as connection:
        pouring = asyncio.create_task(pour(connection))

        assert [await connection.recv() for _ in range(10_000)] == [str(number) for number in range(10_000)]
        await pouring


async def test_compression_is_between_the_two_ends(house: House, doors: MemoryDoors) -> None:
    async with container(doors), dial(house, compression="deflate") as connection:
        await connection.send("a" * 100_000)

        assert await connection.recv() == "a" * 100_000
        assert connection.protocol.extensions


async def test_a_subprotocol_is_agreed_between_the_two_ends(house: House, doors: MemoryDoors) -> None:
    offered = [Subprotocol("graphql-transport-ws"), Subprotocol("other")]
    async with container(doors, subprotocols=[Subprotocol("other")]), dial(house, subprotocols=offered) as connection:
        assert connection.subprotocol == "other"


async def test_33_a_token_among_the_subprotocols_is_taken_out(house: House, origin: Origin) -> None:
    origin.answer = says(SWITCH)

    reply = await house.ask(handshake("/", "Sec-WebSocket-Protocol: bearer, carrel_api_k_s, chat"))

    assert reply.status == 101
    assert origin.calls[0].get(b"sec-websocket-protocol") == b"bearer, chat"


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_close_code_of_the_container_reaches_the_client(house: House, doors: MemoryDoors, code: int) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(code, "because")

    async with container(doors, leave), dial(house) as connection:
        with pytest.raises(ConnectionClosed):
            await connection.recv()

        assert (connection.close_code, connection.close_reason) == (code, "because")


async def test_a_close_code_of_the_client_reaches_the_container(house: House, doors: MemoryDoors) -> None:
    seen: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.set_result(connection.close_code)

    async with container(doors, listen), dial(house) as connection:
        await connection.close(4321, "done")

        assert await asyncio.wait_for(seen, 5) == 4321


async def test_30_sign_out_closes_with_its_own_code(house: House, doors: MemoryDoors) -> None:
    async with container(doors), dial(house) as connection:
        await connection.send("here")
        await connection.recv()
        began = time.monotonic()
        doors.sign_out()

        await connection.wait_closed()

        assert connection.close_code == 4401
        assert time.monotonic() - began < 1


async def test_a_restart_closes_with_its_own_code(open_house: Opener, doors: MemoryDoors) -> None:
    house = await open_house()
    async with container(doors), dial(house) as connection:
        house.server.should_exit = True

        await connection.wait_closed()

        assert connection.close_code == 1012
    await asyncio.wait_for(house.task, 5)


async def test_a_container_that_dies_ends_the_clients_websocket(house: House, doors: MemoryDoors) -> None:
    async def die(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with container(doors, die), dial(house) as connection:
        await asyncio.wait_for(connection.wait_closed(), 5)

        assert connection.close_code == 1006


async def test_a_half_close_passes_through(house: House, origin: Origin) -> None:
    async def last_words(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH)
        assert await reader.read() == b"goodbye"
        writer.write(b"heard")
        writer.close()

    origin.answer = last_words
    client = await house.connect()
    await client.ask(handshake())
    await client.send(b"goodbye")
    client.writer.write_eof()

    assert await client.closed() == b"heard"


async def test_bytes_right_behind_the_handshake_arrive_after_the_101(house: House, origin: Origin) -> None:
    async def answer(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH + b"hi")
        writer.write(await reader.readexactly(5))

    origin.answer = answer
    client = await house.connect()
    await client.send(handshake() + b"early")

    assert (await client.reply()).status == 101
    assert await client.reader.readexactly(7) == b"hiearly"


async def test_47_one_session_has_a_limit_of_websockets(open_house: Opener, origin: Origin) -> None:
    house = await open_house(tunnels_per_session=2)
    origin.answer = says(SWITCH)
    statuses = [(await (await house.connect()).ask(handshake())).status for _ in range(3)]
    origin.answer = ok()

    assert statuses == [101, 101, 503]
    assert (await house.ask(request())).status == 200


async def test_25_what_a_client_sends_before_the_101_is_not_read_without_end(house: House, origin: Origin) -> None:
    async def hang(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    origin.answer = hang
    client = await house.connect()
    await client.send(handshake())
    sent = 0

    async def pour() -> None:
        nonlocal sent
        while True:
            await client.send(b"\0" * 65536)
            sent += 65536

    pouring = asyncio.create_task(pour())
    await settled(lambda: sent)
    pouring.cancel()

    assert sent < 32 * 1024 * 1024


async def test_closed_websockets_are_forgotten(house: House, doors: MemoryDoors) -> None:
    async with container(doors):
        for _ in range(5):
            async with dial(house) as connection:
                await connection.send("x")
        line = house.server.plane.admission.lines[LABEL.encode()]
        await until(lambda: not house.server.plane.open_tunnels)

        assert (line.tunnels, line.requests, list(line.pool.open)) == (0, 0, [])
        assert all(not held.live for held in line.passes.values())


async def test_websocket_paths_go_to_the_websocket_port(house: House, doors: MemoryDoors, origin: Origin) -> None:
    seen: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.path)

    async with container(doors, note):
        for target in ("/any", "/prefix/mlab4d4c4142/app?x=1", "/mlab4d4c4142"):
            async with dial(house, target) as connection:
                await connection.wait_closed()

    assert seen == ["/any", "/mlab4d4c4142/app?x=1", "/mlab4d4c4142"]
    assert origin.connections == 0
