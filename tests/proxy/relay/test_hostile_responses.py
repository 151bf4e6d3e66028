"""Answers that must not reach a browser as they are; the numbers are those of the study's list of bad inputs."""

import asyncio

import pytest

from tests.proxy.client import HOST, handshake, request
from tests.proxy.conftest import House
from tests.proxy.origin import Call, Origin, ok, says

OK = b"HTTP/1.1 200 OK\r\n"

BAD_GATEWAY = {
    "26 101 unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nmore",
    "26 101 unasked, bare": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "41 two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "41 length and chunked": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "41 status 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    "41 status 600": b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
    "41 status 99": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "41 line feeds only": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "41 carriage return in a value": OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "41 NUL in a value": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "41 folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "41 no http": b"220 smtp ready\r\n",
    "43 a header of 200 KiB": OK + b"X: " + b"a" * 200 * 1024 + b"\r\nContent-Length: 0\r\n\r\n",
    "43 200 KiB of headers": OK + b"X: aaaaaaaaaaaaaaaa\r\n" * 10000 + b"Content-Length: 0\r\n\r\n",
    "43 500 interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 500 + OK + b"Content-Length: 0\r\n\r\n",
    "43 a status line of 1 MiB": b"HTTP/1.1 200 " + b"a" * 1024 * 1024 + b"\r\nContent-Length: 0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_GATEWAY)
async def test_it_becomes_a_bad_gateway_and_the_connection_goes(house: House, origin: Origin, name: str) -> None:
    origin.answer = says(BAD_GATEWAY[name])

    reply = await house.ask(request())

    assert reply.status == 502
    await origin.until(lambda: origin.open == 0)


async def test_43_a_header_without_end_is_cut_off(house: House, origin: Origin) -> None:
    async def endless(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        while True:
            writer.write(b"X: " + b"a" * 1000 + b"\r\n")
            await writer.drain()

    origin.answer = endless

    assert (await house.ask(request())).status == 502
    await origin.until(lambda: origin.open == 0)


EXTRA = {
    "a second answer": OK + b"Content-Length: 2\r\n\r\nab" + OK + b"Content-Length: 4\r\n\r\nevil",
    "bytes beyond the length": OK + b"Content-Length: 2\r\n\r\nabevil",
    "bytes beyond the last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nevil",
}


@pytest.mark.parametrize("name", EXTRA)
async def test_41_only_the_first_answer_counts_and_no_other_request_gets_the_rest(
    house: House, origin: Origin, name: str
) -> None:
    origin.answer = says(EXTRA[name])
    client = await house.connect()
    first = await client.ask(request())
    origin.answer = ok(b"good")

    second = await client.ask(request())

    assert (first.status, first.body) == (200, b"ab")
    assert (second.status, second.body) == (200, b"good")
    assert origin.connections == 2


async def test_41_a_body_after_HEAD_is_dropped(house: House, origin: Origin) -> None:  # noqa: N802
    origin.answer = ok(b"evil")
    client = await house.connect()
    first = await client.ask(request(method="HEAD"), head=True)
    origin.answer = ok(b"good")

    second = await client.ask(request())

    assert (first.status, first.get(b"content-length")) == (200, b"4")
    assert second.body == b"good"


async def test_41_an_answer_nobody_asked_for_ends_the_kept_connection(house: House, origin: Origin) -> None:
    async def twice(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 2\r\n\r\nab")
        await writer.drain()
        asyncio.get_running_loop().call_later(0.05, writer.write, OK + b"Content-Length: 4\r\n\r\nevil")

    origin.answer = twice
    assert (await house.ask(request())).body == b"ab"

    await origin.until(lambda: origin.open == 0)


CUT = {
    "by length": OK + b"Content-Length: 100\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "within a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhello",
    "long": OK + b"Content-Length: 1000000\r\n\r\n" + b"a" * 400000,
}


@pytest.mark.parametrize("name", CUT)
async def test_42_a_body_cut_short_is_seen_as_cut_short(house: House, origin: Origin, name: str) -> None:
    origin.answer = says(CUT[name], close=True)
    client = await house.connect()
    await client.send(request())

    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.reply()


async def test_a_bad_chunk_in_an_answer_is_seen_as_a_cut(house: House, origin: Origin) -> None:
    begun = asyncio.Event()

    async def turn_bad(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await begun.wait()
        writer.write(b"zz\r\n")

    origin.answer = turn_bad
    client = await house.connect()
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
    b"Set-Cookie: carrel-desk=evil",
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
async def test_37_to_40_a_header_no_container_may_set(house: House, origin: Origin, line: bytes) -> None:
    origin.answer = ok(b"hello", line, b"X-Kept: 1")

    reply = await house.ask(request())

    assert (reply.status, reply.body, reply.get(b"X-Kept")) == (200, b"hello", b"1")
    assert reply.get(line.partition(b":")[0]) is None


async def test_37_its_own_cookies_are_all_kept_in_order(house: House, origin: Origin) -> None:
    cookies = [b"c%d=v; Path=/; Secure; Partitioned" % number for number in range(300)]
    origin.answer = ok(b"hello", *(b"Set-Cookie: " + cookie for cookie in cookies))

    reply = await house.ask(request())

    assert reply.all(b"Set-Cookie") == cookies


async def test_51_only_the_platform_and_the_session_itself_may_frame_a_page(house: House, origin: Origin) -> None:
    origin.answer = ok(b"<p>", b"Content-Type: text/html", b"Content-Security-Policy: default-src 'self'")

    reply = await house.ask(request())

    rule = b"frame-ancestors 'self' http://platform.test:8080"
    assert reply.all(b"content-security-policy") == [b"default-src 'self'", rule]


async def test_40_its_own_origin_may_be_allowed(house: House, origin: Origin) -> None:
    origin.answer = ok(b"hello", b"Access-Control-Allow-Origin: http://" + HOST.encode())

    reply = await house.ask(request())

    assert reply.get(b"access-control-allow-origin") == b"http://" + HOST.encode()


async def test_a_redirect_to_the_containers_own_address_leads_to_the_session(house: House, origin: Origin) -> None:
    assert origin.server is not None
    port = origin.server.sockets[0].getsockname()[1]
    origin.answer = ok(b"", b"Location: http://127.0.0.1:%d/next?a" % port)

    reply = await house.ask(request())

    assert reply.get(b"location") == b"http://" + HOST.encode() + b"/next?a"


async def test_a_redirect_elsewhere_is_left_alone(house: House, origin: Origin) -> None:
    origin.answer = ok(b"", b"Location: https://example.org/x")

    assert (await house.ask(request())).get(b"location") == b"https://example.org/x"


async def test_nominated_headers_of_an_answer_stay_behind(house: House, origin: Origin) -> None:
    origin.answer = ok(b"hello", b"Connection: x-hop", b"X-Hop: 1", b"X-End: 2")

    reply = await house.ask(request())

    assert (reply.get(b"x-hop"), reply.get(b"x-end"), reply.body) == (None, b"2", b"hello")


async def test_trailers_of_an_answer_are_dropped(house: House, origin: Origin) -> None:
    origin.answer = says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: evil=1\r\n\r\n")
    client = await house.connect()

    reply = await client.ask(request())

    assert reply.body == b"hello"
    assert reply.all(b"set-cookie") == []
    origin.answer = ok(b"good")
    assert (await client.ask(request())).body == b"good"


@pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden"])
async def test_25_what_follows_a_handshake_goes_nowhere_without_a_101(
    house: House, origin: Origin, status: bytes
) -> None:
    origin.answer = says(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nno")
    client = await house.connect()
    await client.send(handshake() + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")

    reply = await client.reply()

    assert (reply.status, reply.body) == (int(status[:3]), b"no")
    assert await client.closed() == b""
    await origin.until(lambda: origin.open == 0)
    assert [call.target for call in origin.calls] == [b"/"]
