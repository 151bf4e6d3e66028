"""Time-outs, limits and graceful shutdown."""

import asyncio
import signal

import pytest
from starlette.testclient import TestClient

from proxy.health import create_health_app
from proxy.server import serve
from tests.proxy.client import Client, handshake, request
from tests.proxy.conftest import OPTIONS, Opener, RunningProxy
from tests.proxy.origin import SWITCHING_PROTOCOLS, Call, Origin, ok, sends
from tests.proxy.session_directory import LABEL, InMemoryDirectory
from tests.proxy.waiting import until


async def hang(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(client: Client, data: bytes) -> None:
    """Send single bytes slowly, until the other side closes."""
    try:
        for byte in data:
            await client.send(bytes([byte]))
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass


async def test_silent_connection_is_closed(open_proxy: Opener) -> None:
    proxy = await open_proxy(head_timeout=0.2)
    client = await proxy.connect()

    assert await client.closed(2) == b""


@pytest.mark.parametrize("begun", [request()[:30], request()[:-2]])
async def test_incomplete_head_times_out(open_proxy: Opener, begun: bytes) -> None:
    proxy = await open_proxy(head_timeout=0.2)

    assert (await proxy.ask(begun)).status == 408


async def test_slow_head_times_out(open_proxy: Opener) -> None:
    proxy = await open_proxy(head_timeout=0.2)
    client = await proxy.connect()
    dripping = asyncio.create_task(drip(client, request("/", "X: " + "a" * 1000)))

    assert (await client.reply(seconds=2)).status == 408
    dripping.cancel()


async def test_empty_lines_do_not_keep_connection_open(open_proxy: Opener) -> None:
    proxy = await open_proxy(keep_alive_timeout=0.2, head_timeout=0.2)
    client = await proxy.connect()
    await client.ask(request())
    dripping = asyncio.create_task(drip(client, b"\r\n" * 500))

    assert await client.closed(2) == b""
    dripping.cancel()


async def test_idle_connection_is_closed(open_proxy: Opener) -> None:
    proxy = await open_proxy(keep_alive_timeout=0.2)
    client = await proxy.connect()
    assert (await client.ask(request())).status == 200

    assert await client.closed(2) == b""


async def test_incomplete_body_times_out(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(idle_timeout=0.2)

    assert (await proxy.ask(request("/", "Content-Length: 100", method="POST", body=b"abc"))).status == 408
    await origin.until(lambda: origin.open == 0)


async def test_silent_container_is_gateway_timeout(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(idle_timeout=0.2)
    origin.answer = hang

    assert (await proxy.ask(request())).status == 504
    await origin.until(lambda: origin.open == 0)


async def test_stalled_response_is_cut_off(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(idle_timeout=0.2)
    origin.answer = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    client = await proxy.connect()
    await client.send(request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.reply()
    await origin.until(lambda: origin.open == 0)


async def test_client_that_stops_reading_is_closed(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(idle_timeout=0.3)
    origin.answer = ok(b"\0" * 64 * 1024 * 1024)
    client = await proxy.connect(receive_buffer=65536)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(request())

    await origin.until(lambda: bool(origin.calls))
    await origin.until(lambda: origin.open == 0)


async def test_quiet_websocket_stays_open(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(idle_timeout=0.1, keep_alive_timeout=0.1, head_timeout=0.1)
    origin.answer = sends(SWITCHING_PROTOCOLS)
    client = await proxy.connect()
    await client.ask(handshake())

    with pytest.raises(TimeoutError):
        await client.closed(0.5)


async def test_connections_per_address_are_limited(open_proxy: Opener) -> None:
    proxy = await open_proxy(connections_per_address=3)
    clients = [await proxy.connect() for _ in range(3)]
    for client in clients:
        assert (await client.ask(request())).status == 200

    assert await (await proxy.connect()).closed() == b""
    clients[0].close()
    await until(lambda: proxy.server.state.connections.total() <= 2)
    assert (await proxy.ask(request())).status == 200


async def test_requests_per_session_are_limited(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(requests_per_session=2)
    origin.answer = hang
    for _ in range(2):
        await (await proxy.connect()).send(request())
    await origin.until(lambda: len(origin.calls) == 2)

    reply = await proxy.ask(request())

    assert (reply.status, reply.get(b"retry-after")) == (503, b"5")


async def test_idle_pooled_connections_are_closed(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(pool_idle_seconds=0.2)
    await proxy.ask(request())

    await origin.until(lambda: origin.open == 0)


async def test_drain_finishes_requests_and_accepts_none(open_proxy: Opener, origin: Origin) -> None:
    go_on = asyncio.Event()

    async def wait(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await ok()(call, reader, writer)

    origin.answer = wait
    proxy = await open_proxy()
    idle, busy = await proxy.connect(), await proxy.connect()
    await busy.send(request())
    await origin.until(lambda: len(origin.calls) == 1)

    proxy.server.should_exit = True

    assert await idle.closed() == b""
    with pytest.raises(ConnectionError):
        await proxy.connect()
    go_on.set()
    assert (await busy.reply()).body == b"hello"
    await asyncio.wait_for(proxy.task, 5)
    await origin.until(lambda: origin.open == 0)


async def test_drain_is_limited_by_grace_period(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(grace_seconds=1)
    origin.answer = hang
    client = await proxy.connect()
    await client.send(request())
    await origin.until(lambda: len(origin.calls) == 1)

    proxy.server.should_exit = True

    await asyncio.wait_for(proxy.task, 4)
    assert await client.closed() == b""


async def test_drain_does_not_wait_for_websockets(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(grace_seconds=30)
    origin.answer = sends(SWITCHING_PROTOCOLS)
    client = await proxy.connect()
    await client.ask(handshake())

    proxy.server.should_exit = True

    await asyncio.wait_for(proxy.task, 3)
    assert await client.closed() == b"\x88\x02" + (1012).to_bytes(2, "big")


async def test_cancelling_the_task_stops_embedded_proxy(directory: InMemoryDirectory) -> None:
    before = signal.getsignal(signal.SIGTERM)
    asking = len(asyncio.all_tasks())
    task = asyncio.create_task(serve(OPTIONS, directory, host="127.0.0.1", port=0, health_port=0, signals=False))
    await until(lambda: len(asyncio.all_tasks()) >= asking + 4)  # The proxy, its server, its sweep and its health.
    assert signal.getsignal(signal.SIGTERM) is before

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_health_app_serves_health_and_metrics(proxy: RunningProxy) -> None:
    await proxy.ask(request())
    client = TestClient(create_health_app(proxy.server.state))

    assert client.get("/healthz").text == "ok\n"
    metrics = client.get("/metrics").text
    assert "carrel_proxy_requests_total 1.0" in metrics
    assert LABEL not in metrics
