"""Websockets of a real library on both sides, through the tunnel."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin as WebsocketOrigin
from websockets.typing import Subprotocol

from proxy.relay.pool import Pool
from tests.proxy.client import HOST, handshake, request
from tests.proxy.conftest import Opener, RunningProxy
from tests.proxy.origin import SWITCHING_PROTOCOLS, Origin, ok, sends
from tests.proxy.session_directory import LABEL, InMemoryDirectory
from tests.proxy.waiting import settled, until

Handler = Callable[[ServerConnection], Awaitable[None]]
MANY_MEBIBYTES = 16 * 1024 * 1024


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def container(directory: InMemoryDirectory, handler: Handler = echo, **options: Any) -> AsyncIterator[Server]:
    """A container whose websocket port is served by the library."""
    async with serve(handler, "127.0.0.1", 0, max_size=None, **options) as server:
        address = next(iter(server.sockets)).getsockname()[:2]
        directory.sessions[LABEL] = replace(directory.sessions[LABEL], websocket=address)
        yield server


def dial(proxy: RunningProxy, target: str = "/", **options: Any) -> connect:
    """Connect like a page of the session."""
    cookie = {"Cookie": f"carrel-entry={LABEL}:owner"}
    return connect(
        f"ws://{HOST}{target}", host="127.0.0.1", port=proxy.port, origin=WebsocketOrigin(f"http://{HOST}"),
        additional_headers=cookie, max_size=None, proxy=None, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "message", ["text ünï", b"\x00\xff binary", "", b"a" * MANY_MEBIBYTES], ids=["text", "binary", "empty", "16 MiB"]
)
async def test_message_is_echoed_unchanged(
    proxy: RunningProxy, directory: InMemoryDirectory, message: str | bytes
) -> None:
    async with container(directory), dial(proxy) as connection:
        await connection.send(message)

        assert await connection.recv() == message


async def test_fragmented_message_between_pings_arrives_whole(
    proxy: RunningProxy, directory: InMemoryDirectory
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            await connection.ping()
            yield bytes([number]) * 1000

    async with container(directory), dial(proxy) as connection:
        await connection.send(pieces())

        assert await connection.recv() == b"".join(bytes([number]) * 1000 for number in range(100))


async def test_ten_thousand_messages_keep_their_order(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    async def pour(connection: ClientConnection) -> None:
        for number in range(10_000):
            await connection.send(str(number))

    async with container(directory), dial(proxy, compression=None) as connection:
        pouring = asyncio.create_task(pour(connection))

        assert [await connection.recv() for _ in range(10_000)] == [str(number) for number in range(10_000)]
        await pouring


async def test_compression_is_negotiated_end_to_end(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    async with container(directory), dial(proxy, compression="deflate") as connection:
        await connection.send("a" * 100_000)

        assert await connection.recv() == "a" * 100_000
        assert connection.protocol.extensions


async def test_subprotocol_is_negotiated_end_to_end(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    offered = [Subprotocol("graphql-transport-ws"), Subprotocol("other")]
    async with (
        container(directory, subprotocols=[Subprotocol("other")]),
        dial(proxy, subprotocols=offered) as connection,
    ):
        assert connection.subprotocol == "other"


async def test_token_among_subprotocols_is_removed(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = sends(SWITCHING_PROTOCOLS)

    reply = await proxy.ask(handshake("/", "Sec-WebSocket-Protocol: bearer, carrel_api_k_s, chat"))

    assert reply.status == 101
    assert origin.calls[0].get(b"sec-websocket-protocol") == b"bearer, chat"


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_close_code_of_container_reaches_client(
    proxy: RunningProxy, directory: InMemoryDirectory, code: int
) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(code, "because")

    async with container(directory, leave), dial(proxy) as connection:
        with pytest.raises(ConnectionClosed):
            await connection.recv()

        assert (connection.close_code, connection.close_reason) == (code, "because")


async def test_close_code_of_client_reaches_container(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    seen: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()
        seen.set_result(connection.close_code)

    async with container(directory, listen), dial(proxy) as connection:
        await connection.close(4321, "done")

        assert await asyncio.wait_for(seen, 5) == 4321


async def test_sign_out_closes_with_own_code(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    async with container(directory), dial(proxy) as connection:
        await connection.send("here")
        await connection.recv()
        began = time.monotonic()
        directory.sign_out()

        await connection.wait_closed()

        assert connection.close_code == 4401
        assert time.monotonic() - began < 1


async def test_restart_closes_with_own_code(open_proxy: Opener, directory: InMemoryDirectory) -> None:
    proxy = await open_proxy()
    async with container(directory), dial(proxy) as connection:
        proxy.server.should_exit = True

        await connection.wait_closed()

        assert connection.close_code == 1012
    await asyncio.wait_for(proxy.task, 5)


async def test_container_crash_closes_client_websocket(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    async def die(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with container(directory, die), dial(proxy) as connection:
        await asyncio.wait_for(connection.wait_closed(), 5)

        assert connection.close_code == 1006


async def test_half_close_is_relayed(proxy: RunningProxy, origin: Origin) -> None:
    async def last_words(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHING_PROTOCOLS)
        assert await reader.read() == b"goodbye"
        writer.write(b"received")
        writer.close()

    origin.answer = last_words
    client = await proxy.connect()
    await client.ask(handshake())
    await client.send(b"goodbye")
    client.writer.write_eof()

    assert await client.closed() == b"received"


async def test_bytes_after_handshake_arrive_after_the_101(proxy: RunningProxy, origin: Origin) -> None:
    async def answer(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHING_PROTOCOLS + b"hi")
        writer.write(await reader.readexactly(5))

    origin.answer = answer
    client = await proxy.connect()
    await client.send(handshake() + b"early")

    assert (await client.reply()).status == 101
    assert await client.reader.readexactly(7) == b"hiearly"


async def test_websockets_per_session_are_limited(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(tunnels_per_session=2)
    origin.answer = sends(SWITCHING_PROTOCOLS)
    statuses = [(await (await proxy.connect()).ask(handshake())).status for _ in range(3)]
    origin.answer = ok()

    assert statuses == [101, 101, 503]
    assert (await proxy.ask(request())).status == 200


async def test_input_before_the_101_is_limited(proxy: RunningProxy, origin: Origin) -> None:
    async def hang(call: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    origin.answer = hang
    client = await proxy.connect()
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


async def test_closed_websockets_leave_no_state(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    async with container(directory):
        for _ in range(5):
            async with dial(proxy) as connection:
                await connection.send("x")
        active = proxy.server.state.admission.sessions[LABEL.encode()]
        await until(lambda: not proxy.server.state.open_tunnels)

        assert (active.tunnels, active.requests, list(cast("Pool", active.pool).open)) == (0, 0, [])
        assert all(not cached.open_work for cached in active.decisions.values())


async def test_websockets_go_to_websocket_port(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    seen: list[str] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.path)

    async with container(directory, note):
        for target in ("/any", "/prefix/mlab4d4c4142/app?x=1", "/mlab4d4c4142"):
            async with dial(proxy, target) as connection:
                await connection.wait_closed()

    assert seen == ["/any", "/mlab4d4c4142/app?x=1", "/mlab4d4c4142"]
    assert origin.connections == 0
