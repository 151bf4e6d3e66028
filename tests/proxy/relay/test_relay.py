"""Requests and answers that are as they should be arrive as they were sent."""

import asyncio
import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxy.client import HOST, request
from tests.proxy.conftest import House
from tests.proxy.origin import Call, Origin, ok, says
from tests.proxy.session_directory import LABEL, MemoryDoors
from tests.proxy.waiting import settled

MIB = 1024 * 1024
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT"]


def resident() -> int:
    """Return this process's memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def parrot(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(call.body) + call.body)
    await writer.drain()


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_passes(house: House, origin: Origin, method: str) -> None:
    reply = await house.ask(request("/a/b?c=d", "Content-Length: 0", method=method))

    assert (reply.status, reply.body) == (200, b"hello")
    assert origin.calls[0].line == f"{method} /a/b?c=d HTTP/1.1".encode()


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 300_000, 5 * MIB])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_is_the_same_both_ways(house: House, origin: Origin, size: int, framing: str) -> None:
    origin.answer = parrot
    body = os.urandom(size)
    line = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    sent = body if framing == "length" else chunked(body, 10_000)
    client = await house.connect()

    for _ in range(2):  # The second one finds the parsers as the first left them.
        reply = await client.ask(request("/", line, method="POST", body=sent))
        assert hashlib.sha256(reply.body).digest() == hashlib.sha256(body).digest()

    assert origin.connections == 1


PIECEMEAL = {
    "get": request("/1") + request("/2"),
    "length": request("/1", "Content-Length: 5", method="POST", body=b"12345") + request("/2"),
    "chunked": request("/1", "Transfer-Encoding: chunked", method="POST", body=chunked(b"12345", 2)) + request("/2"),
    "h2c": request("/1", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 2", body=b"12") + request("/2"),
}


@pytest.mark.parametrize("name", PIECEMEAL)
async def test_requests_may_come_and_answers_go_byte_by_byte(house: House, origin: Origin, name: str) -> None:
    async def spell(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", 2):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    origin.answer = spell
    client = await house.connect()
    for byte in PIECEMEAL[name]:
        client.writer.write(bytes([byte]))
        await asyncio.sleep(0)

    assert [(await client.reply()).body for _ in range(2)] == [b"hello"] * 2
    assert [call.target for call in origin.calls] == [b"/1", b"/2"]


ANSWERS = {
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"a" * 50_000, 999), False),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 50_000, True),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 50_000, True),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
async def test_an_answer_of_unknown_length_arrives_whole(house: House, origin: Origin, name: str, version: str) -> None:
    raw, close = ANSWERS[name]
    origin.answer = says(raw, close=close)

    reply = await house.ask(request(version=version))

    assert reply.body == b"a" * 50_000
    assert (reply.get(b"transfer-encoding") is None) == (version == "HTTP/1.0")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_leaves_the_connection_in_use(
    house: House, origin: Origin, status: bytes
) -> None:
    origin.answer = says(b"HTTP/1.1 " + status + b'\r\nETag: "x"\r\n\r\n')
    client = await house.connect()

    replies = [await client.ask(request()) for _ in range(2)]

    assert [reply.status for reply in replies] == [int(status[:3])] * 2
    assert replies[0].get(b"etag") == b'"x"'
    assert origin.connections == 1


async def test_a_head_has_the_length_of_the_get(house: House, origin: Origin) -> None:
    client = await house.connect()

    reply = await client.ask(request(method="HEAD"), head=True)

    assert reply.get(b"content-length") == b"5"
    assert (await client.ask(request())).body == b"hello"


async def test_continue_is_said_by_the_container(house: House, origin: Origin) -> None:
    async def answer(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call.body = await reader.readexactly(5)
        await ok()(call, reader, writer)

    origin.answer, origin.reads_body = answer, False
    client = await house.connect()

    first = await client.ask(request("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
    second = await client.ask(b"12345")

    assert (first.status, second.status, origin.calls[0].body) == (100, 200, b"12345")


async def test_an_early_answer_to_an_upload_arrives(house: House, origin: Origin) -> None:
    origin.answer, origin.reads_body = says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"), False
    client = await house.connect()
    await client.send(request("/", f"Content-Length: {100 * MIB}", method="POST", body=b"a" * 1000))

    reply = await client.reply()

    assert (reply.status, reply.body) == (413, b"no")
    assert await client.closed() == b""


async def test_headers_keep_their_order_their_number_and_their_spelling(house: House, origin: Origin) -> None:
    origin.answer = ok(b"", b"X-ONE: 1", b"Set-Cookie: a=1", b"x-two: 2", b"Set-Cookie: b=2")

    reply = await house.ask(request("/", "X-aBc: 1", "Y: 2", "X-aBc: 3"))

    sent = [header for header in origin.calls[0].headers if header[0] in (b"X-aBc", b"Y")]
    assert sent == [(b"X-aBc", b"1"), (b"Y", b"2"), (b"X-aBc", b"3")]
    assert [name for name, _ in reply.headers][:4] == [b"X-ONE", b"Set-Cookie", b"x-two", b"Set-Cookie"]
    assert reply.all(b"set-cookie") == [b"a=1", b"b=2"]


async def test_an_empty_header_stays_empty(house: House, origin: Origin) -> None:
    origin.answer = ok(b"", b"X-Empty:", b"X-Next: 1")

    reply = await house.ask(request("/", "X-Empty:", "X-Next: 1"))

    assert (origin.calls[0].get(b"x-empty"), origin.calls[0].get(b"x-next")) == (b"", b"1")
    assert (reply.get(b"x-empty"), reply.get(b"x-next")) == (b"", b"1")


async def test_a_compressed_body_is_not_touched(house: House, origin: Origin) -> None:
    body = gzip.compress(b"hello" * 100)
    origin.answer = ok(body, b"Content-Encoding: gzip", b"Vary: Accept-Encoding")

    reply = await house.ask(request("/", "Accept-Encoding: gzip"))

    assert (reply.body, reply.get(b"content-encoding")) == (body, b"gzip")


async def test_a_range_passes(house: House, origin: Origin) -> None:
    origin.answer = says(b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n\r\nel")

    reply = await house.ask(request("/", "Range: bytes=1-2"))

    assert (reply.status, reply.body, reply.get(b"content-range")) == (206, b"el", b"bytes 1-2/5")
    assert origin.calls[0].get(b"range") == b"bytes=1-2"


async def test_the_container_learns_who_asked_and_how(house: House, origin: Origin) -> None:
    await house.ask(request())

    call = origin.calls[0]
    told = [call.get(name) for name in (b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-for")]
    assert told == [HOST.encode(), HOST.encode(), b"http", b"127.0.0.1"]


async def test_events_arrive_as_they_are_sent(house: House, origin: Origin) -> None:
    heard = asyncio.Semaphore(0)

    async def answer(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            writer.write(chunked(b"data: %d\n\n" % number, 100)[:-5])
            await heard.acquire()
        writer.write(b"0\r\n\r\n")

    origin.answer = answer
    client = await house.connect()
    await client.send(request())
    await client.reply(head=True)

    for number in range(3):  # Each is sent only when the one before it was heard.
        assert (await client.reader.readuntil(b"\n\n\r\n")).endswith(b"data: %d\n\n\r\n" % number)
        heard.release()
    assert await client.reader.readexactly(5) == b"0\r\n\r\n"


async def test_a_client_that_leaves_ends_the_work_in_the_container(house: House, origin: Origin) -> None:
    async def hang(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    origin.answer = hang
    client = await house.connect()
    await client.send(request())
    await origin.until(lambda: origin.open == 1)

    client.close()

    await origin.until(lambda: origin.open == 0, seconds=1)


async def die_at_the_second(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each connection's first request, then close in the face of the next."""
    await ok(b"%d" % call.connection)(call, reader, writer)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def test_a_dead_kept_connection_is_not_seen_by_who_may_ask_twice(house: House, origin: Origin) -> None:
    origin.answer = die_at_the_second
    client = await house.connect()

    bodies = [(await client.ask(request())).body for _ in range(3)]

    assert bodies == [b"1", b"2", b"3"]
    assert house.server.plane.counts.retried == 2


async def test_a_post_is_never_sent_twice(house: House, origin: Origin) -> None:
    origin.answer = die_at_the_second
    client = await house.connect()
    await client.ask(request())

    reply = await client.ask(request("/", "Content-Length: 0", method="POST"))

    assert reply.status == 502
    assert len(origin.calls) == 1


async def test_connections_are_kept_between_clients(house: House, origin: Origin) -> None:
    for _ in range(5):
        await house.ask(request())

    assert origin.connections == 1


async def test_the_websocket_port_question_is_answered_for_its_clients(house: House, origin: Origin) -> None:
    client = await house.connect()
    assert [(await client.ask(request("/Settings/webSocketPort"))).body for _ in range(3)] == [b"80"] * 3
    assert (await house.ask(request("/Settings/webSocketPort", host=f"{HOST}:8081"))).body == b"8081"
    assert origin.connections == 0


async def test_paths_under_the_websocket_mark_go_to_the_websocket_port(
    house: House, doors: MemoryDoors, origin: Origin
) -> None:
    other = Origin(answer=ok(b"websocket port"))
    doors.desks[LABEL] = replace(doors.desks[LABEL], websocket=await other.start())

    assert (await house.ask(request("/deep/mlab4d4c4142/x?y"))).body == b"websocket port"
    assert (await house.ask(request("/mlab4d4c4142x"))).body == b"hello"
    assert (await house.ask(request("/x?mlab4d4c4142/"))).body == b"hello"
    assert [call.target for call in other.calls] == [b"/mlab4d4c4142/x?y"]
    await other.stop()


async def test_46_a_client_that_does_not_read_holds_the_container_not_our_memory(house: House, origin: Origin) -> None:
    sent = 0

    async def pour(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1024 * MIB))
        writer.transport.set_write_buffer_limits(high=65536)
        for _ in range(1024):
            writer.write(b"\0" * MIB)
            await writer.drain()
            sent += 1

    origin.answer = pour
    before = resident()
    client = await house.connect(receive_buffer=65536)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(request())
    await settled(lambda: sent)

    assert sent < 32
    assert resident() - before < 64 * MIB


async def test_46_a_container_that_does_not_read_holds_the_client_not_our_memory(house: House, origin: Origin) -> None:
    async def deaf(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    origin.answer, origin.reads_body = deaf, False
    client = await house.connect()
    before = resident()
    await client.send(request("/", f"Content-Length: {1024 * MIB}", method="POST"))
    sent = 0

    async def pour() -> None:
        nonlocal sent
        while True:
            await client.send(b"\0" * MIB)
            sent += 1

    pouring = asyncio.create_task(pour())
    await settled(lambda: sent)
    pouring.cancel()

    assert sent < 64
    assert resident() - before < 96 * MIB
