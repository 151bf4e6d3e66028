"""Hostile responses: refused, or relayed without what is unsafe."""

import asyncio

import pytest

from tests.proxy.client import HOST, handshake, request
from tests.proxy.conftest import RunningProxy
from tests.proxy.origin import Call, Origin, ok, sends

OK = b"HTTP/1.1 200 OK\r\n"

BAD_GATEWAY = {
    "unsolicited 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nmore",
    "unsolicited bare 101": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunked": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "status 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
    "status 99": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "line feeds only": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "carriage return in a value": OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "not http": b"220 smtp ready\r\n",
    "a header of 200 KiB": OK + b"X: " + b"a" * 200 * 1024 + b"\r\nContent-Length: 0\r\n\r\n",
    "200 KiB of headers": OK + b"X: aaaaaaaaaaaaaaaa\r\n" * 10000 + b"Content-Length: 0\r\n\r\n",
    "500 interim responses": b"HTTP/1.1 102 Processing\r\n\r\n" * 500 + OK + b"Content-Length: 0\r\n\r\n",
    "a status line of 1 MiB": b"HTTP/1.1 200 " + b"a" * 1024 * 1024 + b"\r\nContent-Length: 0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_GATEWAY)
async def test_invalid_response_is_bad_gateway(proxy: RunningProxy, origin: Origin, name: str) -> None:
    origin.answer = sends(BAD_GATEWAY[name])

    reply = await proxy.ask(request())

    assert reply.status == 502
    await origin.until(lambda: origin.open == 0)


async def test_endless_response_head_is_bad_gateway(proxy: RunningProxy, origin: Origin) -> None:
    async def endless(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        while True:
            writer.write(b"X: " + b"a" * 1000 + b"\r\n")
            await writer.drain()

    origin.answer = endless

    assert (await proxy.ask(request())).status == 502
    await origin.until(lambda: origin.open == 0)


EXTRA = {
    "a second answer": OK + b"Content-Length: 2\r\n\r\nab" + OK + b"Content-Length: 4\r\n\r\nevil",
    "bytes beyond the length": OK + b"Content-Length: 2\r\n\r\nabevil",
    "bytes beyond the last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nevil",
}


@pytest.mark.parametrize("name", EXTRA)
async def test_bytes_after_response_reach_no_other_request(proxy: RunningProxy, origin: Origin, name: str) -> None:
    origin.answer = sends(EXTRA[name])
    client = await proxy.connect()
    first = await client.ask(request())
    origin.answer = ok(b"good")

    second = await client.ask(request())

    assert (first.status, first.body) == (200, b"ab")
    assert (second.status, second.body) == (200, b"good")
    assert origin.connections == 2


async def test_body_after_head_request_is_dropped(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"evil")
    client = await proxy.connect()
    first = await client.ask(request(method="HEAD"), head=True)
    origin.answer = ok(b"good")

    second = await client.ask(request())

    assert (first.status, first.get(b"content-length")) == (200, b"4")
    assert second.body == b"good"


async def test_unsolicited_response_closes_pooled_connection(proxy: RunningProxy, origin: Origin) -> None:
    async def twice(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 2\r\n\r\nab")
        await writer.drain()
        asyncio.get_running_loop().call_later(0.05, writer.write, OK + b"Content-Length: 4\r\n\r\nevil")

    origin.answer = twice
    assert (await proxy.ask(request())).body == b"ab"

    await origin.until(lambda: origin.open == 0)


CUT = {
    "by length": OK + b"Content-Length: 100\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "within a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhello",
    "long": OK + b"Content-Length: 1000000\r\n\r\n" + b"a" * 400000,
}


@pytest.mark.parametrize("name", CUT)
async def test_truncated_body_is_visible_to_client(proxy: RunningProxy, origin: Origin, name: str) -> None:
    origin.answer = sends(CUT[name], close=True)
    client = await proxy.connect()
    await client.send(request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.reply()


async def test_bad_response_chunk_is_visible_as_truncation(proxy: RunningProxy, origin: Origin) -> None:
    begun = asyncio.Event()

    async def turn_bad(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await begun.wait()
        writer.write(b"zz\r\n")

    origin.answer = turn_bad
    client = await proxy.connect()
    await client.send(request())
    await client.reply(head=True)
    begun.set()

    assert await client.closed() in (b"", b"5\r\nhello\r\n")


STRIPPED = [
    b"X-Accel-Redirect: /internal",
    b"X-Accel-Buffering: no",
    b"X-Sendfile: /etc/passwd",
    b"Strict-Transport-Security: max-age=1; includeSubDomains; preload",
    b'Clear-Site-Data: "*"',
    b'Alt-Svc: h3=":443"',
    b"Public-Key-Pins: x",
    b"NEL: {}",
    b"Report-To: {}",
    b"Set-Cookie: a=1; Domain=sessions.test",
    b"Set-Cookie: a=1; DOMAIN =.sessions.test",
    b"Set-Cookie: carrel-entry=evil",
    b"Set-Cookie: __Host-carrel=evil; Secure; Path=/",
    b"Set-Cookie: __Secure-Carrel-x=evil",
    b"Access-Control-Allow-Origin: *",
    b"Access-Control-Allow-Origin: http://evil.test",
    b"Access-Control-Allow-Credentials: true",
    b"Keep-Alive: timeout=5",
    b"Proxy-Authenticate: Basic",
    b"Upgrade: h2c",
    b"Trailer: X",
]


@pytest.mark.parametrize("line", STRIPPED)
async def test_unsafe_response_header_is_dropped(proxy: RunningProxy, origin: Origin, line: bytes) -> None:
    origin.answer = ok(b"hello", line, b"X-Kept: 1")

    reply = await proxy.ask(request())

    assert (reply.status, reply.body, reply.get(b"X-Kept")) == (200, b"hello", b"1")
    assert reply.get(line.partition(b":")[0]) is None


async def test_container_cookies_keep_their_order(proxy: RunningProxy, origin: Origin) -> None:
    cookies = [b"c%d=v; Path=/; Secure; Partitioned" % number for number in range(300)]
    origin.answer = ok(b"hello", *(b"Set-Cookie: " + cookie for cookie in cookies))

    reply = await proxy.ask(request())

    assert reply.all(b"Set-Cookie") == cookies


async def test_only_platform_and_session_may_frame_page(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"<p>", b"Content-Type: text/html", b"Content-Security-Policy: default-src 'self'")

    reply = await proxy.ask(request())

    rule = b"frame-ancestors 'self' http://platform.test:8080"
    assert reply.all(b"content-security-policy") == [b"default-src 'self'", rule]


async def test_container_may_allow_its_own_origin(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"hello", b"Access-Control-Allow-Origin: http://" + HOST.encode())

    reply = await proxy.ask(request())

    assert reply.get(b"access-control-allow-origin") == b"http://" + HOST.encode()


async def test_redirect_to_container_address_is_rewritten(proxy: RunningProxy, origin: Origin) -> None:
    assert origin.server is not None
    port = origin.server.sockets[0].getsockname()[1]
    origin.answer = ok(b"", b"Location: http://127.0.0.1:%d/next?a" % port)

    reply = await proxy.ask(request())

    assert reply.get(b"location") == b"http://" + HOST.encode() + b"/next?a"


async def test_redirect_elsewhere_is_unchanged(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"", b"Location: https://example.org/x")

    assert (await proxy.ask(request())).get(b"location") == b"https://example.org/x"


async def test_nominated_response_headers_are_dropped(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = ok(b"hello", b"Connection: x-hop", b"X-Hop: 1", b"X-End: 2")

    reply = await proxy.ask(request())

    assert (reply.get(b"x-hop"), reply.get(b"x-end"), reply.body) == (None, b"2", b"hello")


async def test_response_trailers_are_dropped(proxy: RunningProxy, origin: Origin) -> None:
    origin.answer = sends(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: evil=1\r\n\r\n")
    client = await proxy.connect()

    reply = await client.ask(request())

    assert reply.body == b"hello"
    assert reply.all(b"set-cookie") == []
    origin.answer = ok(b"good")
    assert (await client.ask(request())).body == b"good"


@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden"])
async def test_bytes_after_refused_handshake_are_dropped(proxy: RunningProxy, origin: Origin, status: bytes) -> None:
    origin.answer = sends(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nno")
    client = await proxy.connect()
    await client.send(handshake() + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")

    reply = await client.reply()

    assert (reply.status, reply.body) == (int(status[:3]), b"no")
    assert await client.closed() == b""
    await origin.until(lambda: origin.open == 0)
    assert [call.target for call in origin.calls] == [b"/"]
