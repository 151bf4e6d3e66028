"""Valid requests and responses are relayed unchanged."""

import asyncio
import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.proxy.client import HOST, request
from tests.proxy.conftest import RunningProxy
from tests.proxy.origin import Call, Origin, ok, sends
from tests.proxy.session_directory import LABEL, InMemoryDirectory
from tests.proxy.waiting import settled

MIB = 1024 * 1024
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT"]


def resident() -> int:
    """Return this process's memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def echo_body(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(call.body) + call.body)
    await writer.drain()


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_is_relayed(proxy: RunningProxy, origin: Origin, method: str) -> None:
    reply = await proxy.ask(request("/a/b?c=d", "Content-Length: 0", method=method))

    assert (reply.status, reply.body) == (200, b"hello")
    assert origin.calls[0].line == f"{method} /a/b?c=d HTTP/1.1".encode()


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 300_000, 5 * MIB])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_bodies_are_relayed_unchanged(proxy: RunningProxy, origin: Origin, size: int, framing: str) -> None:
    origin.answer = echo_body
    body = os.urandom(size)
    line = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    sent = body if framing == "length" else chunked(body, 10_000)
    client = await proxy.connect()

    for _ in range(2):  # The second request meets the parsers as the first left them.
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
async def test_requests_and_responses_may_come_byte_by_byte(proxy: RunningProxy, origin: Origin, name: str) -> None:
    async def spell(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", 2):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    origin.answer = spell
    client = await proxy.connect()
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
async def test_response_of_unknown_length_arrives_whole(
    proxy: RunningProxy, origin: Origin, name: str, version: str
) -> None:
    raw, close = ANSWERS[name]
    origin.answer = sends(raw, close=close)

    reply = await proxy.ask(request(version=version))

    assert reply.body == b"a" * 50_000
    assert (reply.get(b"transfer-encoding") is None) == (version == "HTTP/1.0")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_response_without_body_keeps_connection(proxy: RunningProxy, origin: Origin, status: bytes) -> None:
    origin.answer = sends(b"HTTP/1.1 " + status + b'\r\nETag: "x"\r\n\r\n')
    client = await proxy.connect()

    replies = [await client.ask(request()) for _ in range(2)]

    assert [reply.status for reply in replies] == [int(status[:3])] * 2
    assert replies[0].get(b"etag") == b'"x"'
    assert origin.connections == 1


async def test_head_response_has_length_of_get(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()

    reply = await client.ask(request(method="HEAD"), head=True)

    assert reply.get(b"content-length") == b"5"
    assert (await client.ask(request())).body == b"hello"


async def test_100_continue_comes_from_container(proxy: RunningProxy, origin: Origin) -> None:
    async def answer(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call.body = await reader.readexactly(5)
        await ok()(call, reader, writer)

    origin.answer, origin.reads_body = answer, False
    client = await proxy.connect()

    first = await client.ask(request("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
    second = await client.ask(b"12345")

    assert (first.status, second.status, origin.calls[0].body) == (100, 200, b"12345")


async def test_early_response_to_upload_arrives(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer, origin.reads_body = sends(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"), False
    client = await proxy.connect()
    await client.send(request("/", f"Content-Length: {100 * MIB}", method="POST", body=b"a" * 1000))

    reply = await client.reply()

    assert (reply.status, reply.body) == (413, b"no")
    assert await client.closed() == b""


async def test_headers_keep_order_number_and_spelling(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"", b"X-ONE: 1", b"Set-Cookie: a=1", b"x-two: 2", b"Set-Cookie: b=2")

    reply = await proxy.ask(request("/", "X-aBc: 1", "Y: 2", "X-aBc: 3"))

    sent = [header for header in origin.calls[0].headers if header[0] in (b"X-aBc", b"Y")]
    assert sent == [(b"X-aBc", b"1"), (b"Y", b"2"), (b"X-aBc", b"3")]
    assert [name for name, _ in reply.headers][:4] == [b"X-ONE", b"Set-Cookie", b"x-two", b"Set-Cookie"]
    assert reply.all(b"set-cookie") == [b"a=1", b"b=2"]


async def test_empty_header_stays_empty(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"", b"X-Empty:", b"X-Next: 1")

    reply = await proxy.ask(request("/", "X-Empty:", "X-Next: 1"))

    assert (origin.calls[0].get(b"x-empty"), origin.calls[0].get(b"x-next")) == (b"", b"1")
    assert (reply.get(b"x-empty"), reply.get(b"x-next")) == (b"", b"1")


async def test_compressed_body_is_relayed_unchanged(proxy: RunningProxy, origin: Origin) -> None:
    body = gzip.compress(b"hello" * 100)
    origin.answer = ok(body, b"Content-Encoding: gzip", b"Vary: Accept-Encoding")

    reply = await proxy.ask(request("/", "Accept-Encoding: gzip"))

    assert (reply.body, reply.get(b"content-encoding")) == (body, b"gzip")


async def test_range_request_is_relayed(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = sends(b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n\r\nel")

    reply = await proxy.ask(request("/", "Range: bytes=1-2"))

    assert (reply.status, reply.body, reply.get(b"content-range")) == (206, b"el", b"bytes 1-2/5")
    assert origin.calls[0].get(b"range") == b"bytes=1-2"


async def test_container_receives_forwarded_headers(proxy: RunningProxy, origin: Origin) -> None:
    await proxy.ask(request())

    call = origin.calls[0]
    received = [call.get(name) for name in (b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-for")]
    assert received == [HOST.encode(), HOST.encode(), b"http", b"127.0.0.1"]


async def test_server_sent_events_are_not_buffered(proxy: RunningProxy, origin: Origin) -> None:
    acknowledged = asyncio.Semaphore(0)

    async def answer(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            writer.write(chunked(b"data: %d\n\n" % number, 100)[:-5])
            await acknowledged.acquire()
        writer.write(b"0\r\n\r\n")

    origin.answer = answer
    client = await proxy.connect()
    await client.send(request())
    await client.reply(head=True)

    for number in range(3):  # Each is sent only after the one before it was acknowledged.
        assert (await client.reader.readuntil(b"\n\n\r\n")).endswith(b"data: %d\n\n\r\n" % number)
        acknowledged.release()
    assert await client.reader.readexactly(5) == b"0\r\n\r\n"


async def test_client_disconnect_closes_container_connection(proxy: RunningProxy, origin: Origin) -> None:
    async def hang(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    origin.answer = hang
    client = await proxy.connect()
    await client.send(request())
    await origin.until(lambda: origin.open == 1)

    client.close()

    await origin.until(lambda: origin.open == 0, seconds=1)


async def reset_second_request(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the first request of each connection, then reset the connection at the next."""
    await ok(b"%d" % call.connection)(call, reader, writer)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def test_retryable_request_survives_dead_pooled_connection(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = reset_second_request
    client = await proxy.connect()

    bodies = [(await client.ask(request())).body for _ in range(3)]

    assert bodies == [b"1", b"2", b"3"]
    assert proxy.server.state.counters.retried == 2


async def test_post_is_never_retried(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = reset_second_request
    client = await proxy.connect()
    await client.ask(request())

    reply = await client.ask(request("/", "Content-Length: 0", method="POST"))

    assert reply.status == 502
    assert len(origin.calls) == 1


async def test_clients_share_pooled_connection(proxy: RunningProxy, origin: Origin) -> None:
    for _ in range(5):
        await proxy.ask(request())

    assert origin.connections == 1


async def test_websocket_port_request_is_answered_by_proxy(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()
    assert [(await client.ask(request("/Settings/webSocketPort"))).body for _ in range(3)] == [b"80"] * 3
    assert (await proxy.ask(request("/Settings/webSocketPort", host=f"{HOST}:8081"))).body == b"8081"
    assert origin.connections == 0


async def test_marked_paths_go_to_websocket_port(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    other = Origin(answer=ok(b"websocket port"))
    directory.sessions[LABEL] = replace(directory.sessions[LABEL], websocket=await other.start())

    assert (await proxy.ask(request("/deep/mlab4d4c4142/x?y"))).body == b"websocket port"
    assert (await proxy.ask(request("/mlab4d4c4142x"))).body == b"hello"
    assert (await proxy.ask(request("/x?mlab4d4c4142/"))).body == b"hello"
    assert [call.target for call in other.calls] == [b"/mlab4d4c4142/x?y"]
    await other.stop()


async def test_slow_client_pauses_container_without_buffering(proxy: RunningProxy, origin: Origin) -> None:
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
    client = await proxy.connect(receive_buffer=65536)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(request())
    await settled(lambda: sent)

    assert sent < 32
    assert resident() - before < 64 * MIB


async def test_slow_container_pauses_client_without_buffering(proxy: RunningProxy, origin: Origin) -> None:
    async def never_read(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    origin.answer, origin.reads_body = never_read, False
    client = await proxy.connect()
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
