"""Requests that must not reach a container; the numbers are those of the study's list of bad inputs."""

from ipaddress import ip_network

import pytest

from tests.proxy.client import DOMAIN, HOST, handshake, request
from tests.proxy.conftest import House, Opener
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, MemoryDoors

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def post(*lines: str, body: bytes = b"") -> bytes:
    return request("/", *lines, method="POST", body=body)


def raw_line(line: bytes) -> bytes:
    """A request with one line put in as it is."""
    return request().replace(b"\r\nCookie:", b"\r\n" + line + b"\r\nCookie:")


REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "1 length and chunked": (post("Content-Length: 5", "Transfer-Encoding: chunked", body=CHUNKS), {400}),
    "1 chunked and length": (post("Transfer-Encoding: chunked", "Content-Length: 5", body=CHUNKS), {400}),
    "2 chunked twice": (post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKS), {400, 501}),
    "2 chunked, chunked": (post("Transfer-Encoding: chunked, chunked", body=CHUNKS), {400, 501}),
    "2 chunked, identity": (post("Transfer-Encoding: chunked, identity", body=CHUNKS), {400, 501}),
    "2 identity, chunked": (post("Transfer-Encoding: identity, chunked", body=CHUNKS), {400, 501}),
    "2 gzip, chunked": (post("Transfer-Encoding: gzip, chunked", body=CHUNKS), {400, 501}),
    "2 xchunked": (post("Transfer-Encoding: xchunked", body=CHUNKS), {400, 501}),
    "2 quoted": (post('Transfer-Encoding: "chunked"', body=CHUNKS), {400, 501}),
    "2 vertical tab": (post("Transfer-Encoding: \x0bchunked", body=CHUNKS), {400, 501}),
    "2 space before colon": (post("Transfer-Encoding : chunked", body=CHUNKS), {400, 501}),
    "2 folded": (post("Transfer-Encoding:\r\n chunked", body=CHUNKS), {400, 501}),
    "3 length twice": (post("Content-Length: 5", "Content-Length: 5", body=b"12345"), {400}),
    "3 two lengths": (post("Content-Length: 5", "Content-Length: 6", body=b"123456"), {400}),
    "3 plus": (post("Content-Length: +5", body=b"12345"), {400}),
    "3 hexadecimal": (post("Content-Length: 0x5", body=b"12345"), {400}),
    "3 list": (post("Content-Length: 5, 5", body=b"12345"), {400}),
    "3 negative": (post("Content-Length: -1"), {400}),
    "3 underscore": (post("Content-Length: 5_0", body=b"12345"), {400}),
    "3 overflow": (post("Content-Length: 18446744073709551621", body=b"12345"), {400}),
    "3 empty": (post("Content-Length:", body=b""), {400}),
    "3 junk": (post("Content-Length: 5 junk", body=b"12345"), {400}),
    "9 no colon": (raw_line(b"Nonsense"), {400}),
    "9 line feeds only": (request().replace(b"\r\n", b"\n"), {400}),
    "10 bare carriage return": (raw_line(b"X: a\rb"), {400}),
    "10 NUL in a value": (raw_line(b"X: a\0b"), {400}),
    "10 space in a name": (raw_line(b"X Y: a"), {400}),
    "10 empty name": (raw_line(b": a"), {400}),
    "10 folded": (raw_line(b"X: a\r\n b"), {400}),
    "10 space before the method": (b" " + request(), {400}),
    "11 HTTP/0.9": (b"GET /\r\n\r\n", {400, 505}),
    "11 HTTP/9.9": (request(version="HTTP/9.9"), {400, 505}),
    "11 HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 505}),
    "11 HTTP/2.0": (request(version="HTTP/2.0"), {400, 505}),
    "12 TRACE": (request(method="TRACE"), {405}),
    "12 CONNECT": (request("169.254.169.254:80", method="CONNECT"), {400, 405}),
    "12 unknown method": (request(method="BREW"), {400, 405}),
    "12 lower-case method": (request(method="get"), {400, 405}),
    "13 no Host": (request(host=None), {400}),
    "13 empty Host": (request(host=""), {400}),
    "13 two Hosts": (request("/", f"Host: {HOST}"), {400}),
    "13 list of Hosts": (request(host=f"{HOST}, evil.test"), {400}),
    "13 user name": (request(host=f"user@{HOST}"), {400}),
    "13 port and host": (request(host=f"{HOST}:80@evil.test"), {400}),
    "13 slash": (request(host=f"{HOST}/x"), {400}),
    "13 trailing dot": (request(host=f"{HOST}."), {400}),
    "13 8-bit": (request(host="sess\xefons.test"), {400}),
    "13 IPv6 literal": (request(host="[::1]:80"), {400}),
    "13 empty port": (request(host=f"{HOST}:"), {400}),
    "14 absolute, another host": (request("http://evil.test/"), {400, 421}),
    "14 absolute, an inside address": (request("http://127.0.0.1:22/"), {400, 421}),
    "14 another scheme": (request(f"ftp://{HOST}/"), {400, 421}),
    "15 evil before": (request(host=f"evil{HOST}"), {401, 404}),
    "15 evil after": (request(host=f"{HOST}.evil"), {404}),
    "15 one more label": (request(host=f"x.{HOST}"), {404}),
    "15 empty label": (request(host=f".{DOMAIN}"), {400, 404}),
    "15 64 characters": (request(host=f"{'a' * 64}.{DOMAIN}"), {404}),
    "15 punycode": (request(host=f"xn--{LABEL}.{DOMAIN}"), {401, 404}),
    "15 the bare domain": (request(host=DOMAIN), {404}),
    "20 tab in the target": (request("/a\tb"), {400}),
    "21 no slash": (request("index.html"), {400}),
    "21 @evil": (request("@evil.test/x"), {400}),
    "21 asterisk": (request("*", method="OPTIONS"), {400}),
    "27 upgrade by POST": (handshake(method="POST"), {400}),
    "27 upgrade with a body": (handshake("/", "Content-Length: 5", body=b"12345"), {400}),
    "27 version 1337": (handshake("/", "Sec-WebSocket-Version: 1337"), {400, 426}),
    "27 no version": (handshake("/", "Sec-WebSocket-Version:"), {400, 426}),
    "27 no key": (handshake("/", "Sec-WebSocket-Key:"), {400}),
    "27 two keys": (handshake("/", "Sec-WebSocket-Key: a", "Sec-WebSocket-Key: b"), {400}),
    "34 entry cookie twice": (request("/", f"Cookie: carrel-desk={LABEL}:stranger"), {400}),
    "34 wrong cookie first": (request("/", cookie=f"evil; carrel-desk={LABEL}:owner"), {400}),
    "34 a quoted neighbour": (request("/", f'Cookie: a="x; carrel-desk={LABEL}:stranger"'), {400}),
    "34 a comma": (request("/", f"Cookie: a=b, carrel-desk={LABEL}:owner", cookie=None), {401}),
    "34 another case": (request("/", f"Cookie: Carrel-Desk={LABEL}:owner", cookie=None), {401}),
    "44 header of 64 KiB": (request("/", "X: " + "a" * 65536), {431}),
    "44 1 MiB of headers": (request("/", *(f"X{n}: {'a' * 1000}" for n in range(1000))), {431}),
    "44 target of 17 KiB": (request("/" + "a" * 17 * 1024), {414}),
    "44 target of 1 MiB": (request("/" + "a" * 1024 * 1024), {414}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_and_the_container_sees_nothing(house: House, origin: Origin, name: str) -> None:
    raw, allowed = REFUSED[name]

    reply = await house.ask(raw)

    assert reply.status in allowed
    assert origin.calls == []


BAD_CHUNKS = {
    "line feed after the size": b"5\nhello\r\n0\r\n\r\n",
    "line feed in the extension": b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n".replace(b"0000", b"1111", 1),
    "negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "space after the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "no line end after the data": b"5\r\nhello0\r\n\r\n",
    "hexadecimal prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
async def test_4_a_bad_chunk_ends_both_connections(house: House, origin: Origin, name: str) -> None:
    client = await house.connect()

    reply = await client.ask(post("Transfer-Encoding: chunked", body=BAD_CHUNKS[name]))

    assert reply.status == 400
    await origin.until(lambda: origin.open == 0)
    assert all(call.body == b"" for call in origin.calls)


async def test_5_trailers_never_become_headers(house: House, origin: Origin) -> None:
    trailers = b"0\r\nCookie: evil=1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Late: 1\r\n\r\n"

    reply = await house.ask(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n" + trailers))

    assert reply.status == 200
    assert origin.calls[0].body == b"hello"
    assert b"evil" not in origin.calls[0].raw
    assert origin.calls[0].get(b"x-forwarded-for") == b"127.0.0.1"


async def test_5_trailers_without_end_are_cut_off(house: House, origin: Origin) -> None:
    client = await house.connect()
    await client.send(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n"))

    for number in range(200):
        client.writer.write(b"X%d: " % number + b"a" * 1000 + b"\r\n")

    assert (await client.reply()).status == 431
    await origin.until(lambda: origin.open == 0)


async def test_7_a_body_that_is_a_request_stays_a_body(house: House, origin: Origin) -> None:
    inner = request("/smuggled")

    reply = await house.ask(request("/", f"Content-Length: {len(inner)}", body=inner))

    assert reply.status == 200
    assert [call.target for call in origin.calls] == [b"/"]
    assert origin.calls[0].body == inner


@pytest.mark.parametrize("count", [2, 1000])
async def test_8_pipelined_requests_are_answered_in_order(house: House, origin: Origin, count: int) -> None:
    client = await house.connect()
    client.writer.write(b"".join(request(f"/{number}") for number in range(count)))

    replies = [await client.reply() for _ in range(count)]

    assert {reply.status for reply in replies} == {200}
    assert [call.target for call in origin.calls] == [b"/%d" % number for number in range(count)]


async def test_8_a_bad_request_after_good_ones_is_refused_in_its_turn(house: House, origin: Origin) -> None:
    client = await house.connect()
    await client.send(request("/1") + request("/2") + b"nonsense\r\n\r\n")

    statuses = [(await client.reply()).status for _ in range(3)]

    assert statuses == [200, 200, 400]
    assert await client.closed() == b""


async def test_8_our_own_answers_keep_their_turn_too(house: House, origin: Origin) -> None:
    client = await house.connect()
    questions = [request("/Settings/webSocketPort"), request("/x", cookie=None), request("/data")]
    client.writer.write(b"".join(questions * 300))

    statuses = [(await client.reply()).status for _ in range(900)]

    assert statuses == [200, 401, 200] * 300


SAME_BYTES = [
    "/..%2f..%2fetc",
    "/%2e%2e/x",
    "/a%00b",
    "/%",
    "//evil.test",
    "/\\evil",
    "/x;a=b",
    "/\xff\xfe",
    "/a?b?c=%zz&&",
]


@pytest.mark.parametrize("target", SAME_BYTES)
async def test_20_a_target_arrives_byte_for_byte(house: House, origin: Origin, target: str) -> None:
    reply = await house.ask(request(target))

    assert reply.status in {200, 400}
    if reply.status == 200:
        assert origin.calls[0].target == target.encode("latin-1")


async def test_13_another_case_and_a_port_are_the_same_host(house: House, origin: Origin) -> None:
    reply = await house.ask(request(host=HOST.upper() + ":8081"))

    assert reply.status == 200


async def test_14_an_absolute_target_of_the_own_host_is_only_its_path(house: House, origin: Origin) -> None:
    assert (await house.ask(request(f"http://{HOST}/a?b"))).status == 200
    assert (await house.ask(request(f"HTTP://{HOST}"))).status == 200

    assert [call.target for call in origin.calls] == [b"/a?b", b"/"]


DROPPED = {
    "6 underscores": ("Transfer_Encoding: chunked", "X_Forwarded_For: 6.6.6.6"),
    "16 told hosts": ("X-Forwarded-Host: evil", "Forwarded: host=evil"),
    "16 told targets": ("X-Original-URL: /evil", "X-Rewrite-URL: /evil"),
    "22 nominated": ("Connection: x-secret, keep-alive", "X-Secret: evil"),
    "23 hop by hop": ("Keep-Alive: evil", "Proxy-Authorization: evil", "Proxy-Connection: evil", "TE: evil"),
    "35 told addresses": ("X-Forwarded-For: evil", "X-Forwarded-Proto: evil", "X-Real-IP: evil", "Forwarded: for=evil"),
    "36 told identities": ("X-Forwarded-User: evil", "Remote-User: evil", "X-Carrel-User: evil", "X-Remote-User: evil"),
    "33 a platform token": ("Authorization: Token carrel_evil_a_b",),
    "33 a bare token": ("Authorization: carrel_evil_a_b",),
    "33 a token as a password": ("Authorization: Basic dXNlcjpjYXJyZWxfZXZpbF9hX2I=",),
}  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
async def test_a_header_the_container_must_not_see(house: House, doors: MemoryDoors, origin: Origin, name: str) -> None:
    doors.tokens["carrel_evil_a_b"] = doors.entries["owner"]

    reply = await house.ask(request("/", *DROPPED[name]))

    assert reply.status == 200
    seen = origin.calls[0].raw.lower()
    assert b"evil" not in seen
    assert b"6.6.6.6" not in seen
    assert b"dxnlcjpj" not in seen


async def test_22_nominations_cannot_touch_framing_or_ours(house: House, origin: Origin) -> None:
    nominated = "Connection: host, content-length, x-forwarded-for, x-forwarded-proto, transfer-encoding, close"

    reply = await house.ask(request("/", nominated, "Content-Length: 5", method="POST", body=b"12345"))

    assert reply.status == 200
    call = origin.calls[0]
    assert (call.get(b"host"), call.body) == (HOST.encode(), b"12345")
    assert call.get(b"x-forwarded-for") == b"127.0.0.1"


async def test_22_nominating_the_cookie_does_not_make_one_anonymous(house: House, origin: Origin) -> None:
    reply = await house.ask(request("/", "Connection: cookie", "Cookie: a=b"))

    assert reply.status == 200
    assert origin.calls[0].get(b"cookie") is None


@pytest.mark.parametrize("body", [b"", b"12345"])
async def test_24_h2c_is_answered_as_plain_http(house: House, origin: Origin, body: bytes) -> None:
    client = await house.connect()
    length = [f"Content-Length: {len(body)}"] if body else []
    upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
    await client.send(request("/1", *upgrade, *length, method="POST", body=body) + request("/2"))

    assert [(await client.reply()).status for _ in range(2)] == [200, 200]
    assert [(call.target, call.body) for call in origin.calls] == [(b"/1", body), (b"/2", b"")]
    assert not {b"upgrade", b"http2-settings"} & set(origin.calls[0].names())


async def test_24_many_pipelined_upgrades_make_no_deep_stack(house: House, origin: Origin) -> None:
    client = await house.connect()
    client.writer.write(request("/", "Connection: Upgrade", "Upgrade: h2c") * 1500)

    assert {(await client.reply()).status for _ in range(1500)} == {200}


async def test_24_h2c_with_a_chunked_body_keeps_its_body(house: House, origin: Origin) -> None:
    upgrade = ["Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked"]

    reply = await house.ask(request("/", *upgrade, method="POST", body=CHUNKS))

    assert reply.status == 200
    assert origin.calls[0].body == b"hello"


async def test_27_an_upgrade_that_the_connection_does_not_name_is_plain_http(house: House, origin: Origin) -> None:
    reply = await house.ask(request("/", "Upgrade: websocket"))

    assert reply.status == 200
    assert origin.calls[0].get(b"upgrade") is None


async def test_32_no_cookie_of_ours_reaches_the_container(house: House, origin: Origin) -> None:
    cookies = "Cookie: a=1; carrel-state=s; __Host-carrel=x; __Secure-Carrel-Site=y; b=2"

    reply = await house.ask(request("/", cookies))

    assert reply.status == 200
    assert [value for name, value in origin.calls[0].headers if name == b"Cookie"] == [b"a=1; b=2"]


async def test_34_five_thousand_cookies_do_no_harm(house: House, origin: Origin) -> None:
    cookies = "; ".join(f"c{number}=v" for number in range(5000))

    reply = await house.ask(request("/", f"Cookie: {cookies}"))

    assert reply.status == 200
    assert origin.calls[0].get(b"cookie") == cookies.encode()


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ("/x?token=carrel_api_a_b", b"/x"),
        ("/x?a=1&t=carrel_api_a_b&b=2", b"/x?a=1&b=2"),
        ("/carrel_x?a", b"/carrel_x?a"),
    ],
)
async def test_33_a_token_in_the_query_is_taken_out(house: House, origin: Origin, told: str, heard: bytes) -> None:
    assert (await house.ask(request(told))).status == 200

    assert origin.calls[0].target == heard


async def test_33_an_app_keeps_its_own_authorization(house: House, origin: Origin) -> None:
    assert (await house.ask(request("/", "Authorization: Bearer theirs"))).status == 200

    assert origin.calls[0].get(b"authorization") == b"Bearer theirs"


async def test_35_a_trusted_front_is_believed(open_house: Opener, origin: Origin) -> None:
    house = await open_house(trusted_peers=(ip_network("127.0.0.0/8"),))

    assert (await house.ask(request("/", "X-Forwarded-For: 192.0.2.1"))).status == 200

    assert origin.calls[0].get(b"x-forwarded-for") == b"192.0.2.1, 127.0.0.1"
