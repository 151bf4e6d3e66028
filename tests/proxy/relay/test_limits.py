"""What is slow, too much, or over: the proxy ends it in its own time."""

import asyncio
import signal

import pytest
from starlette.testclient import TestClient

from proxy.health import create_health_app
from proxy.server import serve
from tests.proxy.client import Client, handshake, request
from tests.proxy.conftest import OPTIONS, House, Opener
from tests.proxy.origin import Call, Origin, ok, says
from tests.proxy.session_directory import LABEL, MemoryDoors
from tests.proxy.waiting import until

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def hang(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(client: Client, data: bytes) -> None:
    """Send a byte now and then, until the other side closes."""
    try:
        for byte in data:
            await client.send(bytes([byte]))
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass


async def test_45_a_connection_that_says_nothing_is_closed(open_house: Opener) -> None:
    house = await open_house(head_timeout=0.2)
    client = await house.connect()

    assert await client.closed(2) == b""


@pytest.mark.parametrize("begun", [request()[:30], request()[:-2]])
async def test_45_a_head_that_stops_half_way_is_refused(open_house: Opener, begun: bytes) -> None:
    house = await open_house(head_timeout=0.2)

    assert (await house.ask(begun)).status == 408


async def test_45_a_head_that_drips_is_refused(open_house: Opener) -> None:
    house = await open_house(head_timeout=0.2)
    client = await house.connect()
    dripping = asyncio.create_task(drip(client, request("/", "X: " + "a" * 1000)))

    assert (await client.reply(seconds=2)).status == 408
    dripping.cancel()


async def test_45_an_empty_line_now_and_then_keeps_nothing_open(open_house: Opener) -> None:
    house = await open_house(keep_alive_timeout=0.2, head_timeout=0.2)
    client = await house.connect()
    await client.ask(request())
    dripping = asyncio.create_task(drip(client, b"\r\n" * 500))

    assert await client.closed(2) == b""
    dripping.cancel()


async def test_an_idle_connection_is_closed(open_house: Opener) -> None:
    house = await open_house(keep_alive_timeout=0.2)
    client = await house.connect()
    assert (await client.ask(request())).status == 200

    assert await client.closed(2) == b""


async def test_46_a_body_that_stops_half_way_is_refused(open_house: Opener, origin: Origin) -> None:
    house = await open_house(idle_timeout=0.2)

    assert (await house.ask(request("/", "Content-Length: 100", method="POST", body=b"abc"))).status == 408
    await origin.until(lambda: origin.open == 0)


async def test_46_a_container_that_never_answers_is_given_up(open_house: Opener, origin: Origin) -> None:
    house = await open_house(idle_timeout=0.2)
    origin.answer = hang

    assert (await house.ask(request())).status == 504
    await origin.until(lambda: origin.open == 0)


async def test_46_an_answer_that_stops_half_way_is_cut_off(open_house: Opener, origin: Origin) -> None:
    house = await open_house(idle_timeout=0.2)
    origin.answer = says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    client = await house.connect()
    await client.send(request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.reply()
    await origin.until(lambda: origin.open == 0)


async def test_46_a_client_that_stops_reading_is_given_up(open_house: Opener, origin: Origin) -> None:
    house = await open_house(idle_timeout=0.3)
    origin.answer = ok(b"\0" * 64 * 1024 * 1024)
    client = await house.connect(receive_buffer=65536)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(request())

    await origin.until(lambda: bool(origin.calls))
    await origin.until(lambda: origin.open == 0)


async def test_46_a_quiet_websocket_stays_open(open_house: Opener, origin: Origin) -> None:
    house = await open_house(idle_timeout=0.1, keep_alive_timeout=0.1, head_timeout=0.1)
    origin.answer = says(SWITCH)
    client = await house.connect()
    await client.ask(handshake())

    with pytest.raises(TimeoutError):
        await client.closed(0.5)


async def test_47_an_address_has_a_limit_of_connections(open_house: Opener) -> None:
    house = await open_house(connections_per_address=3)
    clients = [await house.connect() for _ in range(3)]
    for client in clients:
        assert (await client.ask(request())).status == 200

    assert await (await house.connect()).closed() == b""
    clients[0].close()
    await until(lambda: house.server.plane.addresses.total() <= 2)
    assert (await house.ask(request())).status == 200


async def test_47_a_session_has_a_limit_of_requests(open_house: Opener, origin: Origin) -> None:
    house = await open_house(requests_per_session=2)
    origin.answer = hang
    for _ in range(2):
        await (await house.connect()).send(request())
    await origin.until(lambda: len(origin.calls) == 2)

    reply = await house.ask(request())

    assert (reply.status, reply.get(b"retry-after")) == (503, b"5")


async def test_unused_connections_to_a_container_are_closed_after_a_while(open_house: Opener, origin: Origin) -> None:
    house = await open_house(pooled_seconds=0.2)
    await house.ask(request())

    await origin.until(lambda: origin.open == 0)


async def test_draining_finishes_what_is_under_way_and_takes_nothing_new(open_house: Opener, origin: Origin) -> None:
    go_on = asyncio.Event()

    async def wait(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await ok()(call, reader, writer)

    origin.answer = wait
    house = await open_house()
    idle, busy = await house.connect(), await house.connect()
    await busy.send(request())
    await origin.until(lambda: len(origin.calls) == 1)

    house.server.should_exit = True

    assert await idle.closed() == b""
    with pytest.raises(ConnectionError):
        await house.connect()
    go_on.set()
    assert (await busy.reply()).body == b"hello"
    await asyncio.wait_for(house.task, 5)
    await origin.until(lambda: origin.open == 0)


async def test_draining_waits_for_no_request_longer_than_the_grace(open_house: Opener, origin: Origin) -> None:
    house = await open_house(grace_seconds=1)
    origin.answer = hang
    client = await house.connect()
    await client.send(request())
    await origin.until(lambda: len(origin.calls) == 1)

    house.server.should_exit = True

    await asyncio.wait_for(house.task, 4)
    assert await client.closed() == b""


async def test_draining_does_not_wait_for_websockets(open_house: Opener, origin: Origin) -> None:
    house = await open_house(grace_seconds=30)
    origin.answer = says(SWITCH)
    client = await house.connect()
    await client.ask(handshake())

    house.server.should_exit = True

    await asyncio.wait_for(house.task, 3)
    assert await client.closed() == b"\x88\x02" + (1012).to_bytes(2, "big")


async def test_within_another_program_it_ends_when_its_task_is_cancelled(doors: MemoryDoors) -> None:
    before = signal.getsignal(signal.SIGTERM)
    asking = len(asyncio.all_tasks())
    task = asyncio.create_task(serve(OPTIONS, doors, host="127.0.0.1", port=0, health_port=0, signals=False))
    await until(lambda: len(asyncio.all_tasks()) >= asking + 4)  # The proxy, its server, its sweep and its health.
    assert signal.getsignal(signal.SIGTERM) is before

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_57_health_and_metrics_are_on_a_port_of_their_own(house: House) -> None:
    await house.ask(request())
    client = TestClient(create_health_app(house.server.plane))

    assert client.get("/healthz").text == "ok\n"
    metrics = client.get("/metrics").text
    assert "carrel_proxy_requests_total 1.0" in metrics
    assert LABEL not in metrics
