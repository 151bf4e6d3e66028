"""Hostile requests: refused, or relayed without what is unsafe."""

from ipaddress import ip_network

import pytest

from tests.proxy.client import DOMAIN, HOST, handshake, request
from tests.proxy.conftest import Opener, RunningProxy
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, InMemoryDirectory

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def post(*lines: str, body: bytes = b"") -> bytes:
    return request("/", *lines, method="POST", body=body)


def raw_line(line: bytes) -> bytes:
    """Return a request with one raw line in its head."""
    return request().replace(b"\r\nCookie:", b"\r\n" + line + b"\r\nCookie:")


REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "framing: length and chunked": (post("Content-Length: 5", "Transfer-Encoding: chunked", body=CHUNKS), {400}),
    "framing: chunked and length": (post("Transfer-Encoding: chunked", "Content-Length: 5", body=CHUNKS), {400}),
    "Transfer-Encoding: chunked twice": (
        post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKS),
        {400, 501},
    ),
    "Transfer-Encoding: chunked, chunked": (post("Transfer-Encoding: chunked, chunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: chunked, identity": (post("Transfer-Encoding: chunked, identity", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: identity, chunked": (post("Transfer-Encoding: identity, chunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: gzip, chunked": (post("Transfer-Encoding: gzip, chunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: xchunked": (post("Transfer-Encoding: xchunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: quoted": (post('Transfer-Encoding: "chunked"', body=CHUNKS), {400, 501}),
    "Transfer-Encoding: vertical tab": (post("Transfer-Encoding: \x0bchunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: space before colon": (post("Transfer-Encoding : chunked", body=CHUNKS), {400, 501}),
    "Transfer-Encoding: folded": (post("Transfer-Encoding:\r\n chunked", body=CHUNKS), {400, 501}),
    "Content-Length: length twice": (post("Content-Length: 5", "Content-Length: 5", body=b"12345"), {400}),
    "Content-Length: two lengths": (post("Content-Length: 5", "Content-Length: 6", body=b"123456"), {400}),
    "Content-Length: plus": (post("Content-Length: +5", body=b"12345"), {400}),
    "Content-Length: hexadecimal": (post("Content-Length: 0x5", body=b"12345"), {400}),
    "Content-Length: list": (post("Content-Length: 5, 5", body=b"12345"), {400}),
    "Content-Length: negative": (post("Content-Length: -1"), {400}),
    "Content-Length: underscore": (post("Content-Length: 5_0", body=b"12345"), {400}),
    "Content-Length: overflow": (post("Content-Length: 18446744073709551621", body=b"12345"), {400}),
    "Content-Length: empty": (post("Content-Length:", body=b""), {400}),
    "Content-Length: junk": (post("Content-Length: 5 junk", body=b"12345"), {400}),
    "no colon": (raw_line(b"Nonsense"), {400}),
    "line feeds only": (request().replace(b"\r\n", b"\n"), {400}),
    "header: bare carriage return": (raw_line(b"X: a\rb"), {400}),
    "header: NUL in a value": (raw_line(b"X: a\0b"), {400}),
    "header: space in a name": (raw_line(b"X Y: a"), {400}),
    "header: empty name": (raw_line(b": a"), {400}),
    "header: folded": (raw_line(b"X: a\r\n b"), {400}),
    "header: space before the method": (b" " + request(), {400}),
    "version: HTTP/0.9": (b"GET /\r\n\r\n", {400, 505}),
    "version: HTTP/9.9": (request(version="HTTP/9.9"), {400, 505}),
    "version: HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 505}),
    "version: HTTP/2.0": (request(version="HTTP/2.0"), {400, 505}),
    "method: TRACE": (request(method="TRACE"), {405}),
    "method: CONNECT": (request("169.254.169.254:80", method="CONNECT"), {400, 405}),
    "method: unknown method": (request(method="BREW"), {400, 405}),
    "method: lower-case method": (request(method="get"), {400, 405}),
    "Host: missing": (request(host=None), {400}),
    "Host: empty": (request(host=""), {400}),
    "Host: two Hosts": (request("/", f"Host: {HOST}"), {400}),
    "Host: list of Hosts": (request(host=f"{HOST}, evil.test"), {400}),
    "Host: user name": (request(host=f"user@{HOST}"), {400}),
    "Host: port and host": (request(host=f"{HOST}:80@evil.test"), {400}),
    "Host: slash": (request(host=f"{HOST}/x"), {400}),
    "Host: trailing dot": (request(host=f"{HOST}."), {400}),
    "Host: 8-bit": (request(host="sess\xefons.test"), {400}),
    "Host: IPv6 literal": (request(host="[::1]:80"), {400}),
    "Host: empty port": (request(host=f"{HOST}:"), {400}),
    "target: absolute, another host": (request("http://evil.test/"), {400, 421}),
    "target: absolute, an inside address": (request("http://127.0.0.1:22/"), {400, 421}),
    "target: another scheme": (request(f"ftp://{HOST}/"), {400, 421}),
    "Host: evil before": (request(host=f"evil{HOST}"), {401, 404}),
    "Host: evil after": (request(host=f"{HOST}.evil"), {404}),
    "Host: one more label": (request(host=f"x.{HOST}"), {404}),
    "Host: empty label": (request(host=f".{DOMAIN}"), {400, 404}),
    "Host: 64 characters": (request(host=f"{'a' * 64}.{DOMAIN}"), {404}),
    "Host: punycode": (request(host=f"xn--{LABEL}.{DOMAIN}"), {401, 404}),
    "Host: the bare domain": (request(host=DOMAIN), {404}),
    "target: tab in the target": (request("/a\tb"), {400}),
    "target: no slash": (request("index.html"), {400}),
    "target: @evil": (request("@evil.test/x"), {400}),
    "target: asterisk": (request("*", method="OPTIONS"), {400}),
    "handshake: upgrade by POST": (handshake(method="POST"), {400}),
    "handshake: upgrade with a body": (handshake("/", "Content-Length: 5", body=b"12345"), {400}),
    "handshake: version 1337": (handshake("/", "Sec-WebSocket-Version: 1337"), {400, 426}),
    "handshake: no version": (handshake("/", "Sec-WebSocket-Version:"), {400, 426}),
    "handshake: no key": (handshake("/", "Sec-WebSocket-Key:"), {400}),
    "handshake: two keys": (handshake("/", "Sec-WebSocket-Key: a", "Sec-WebSocket-Key: b"), {400}),
    "cookie: entry cookie twice": (request("/", f"Cookie: carrel-entry={LABEL}:stranger"), {400}),
    "cookie: wrong cookie first": (request("/", cookie=f"evil; carrel-entry={LABEL}:owner"), {400}),
    "cookie: a quoted neighbour": (request("/", f'Cookie: a="x; carrel-entry={LABEL}:stranger"'), {400}),
    "cookie: a comma": (request("/", f"Cookie: a=b, carrel-entry={LABEL}:owner", cookie=None), {401}),
    "cookie: another case": (request("/", f"Cookie: Carrel-Entry={LABEL}:owner", cookie=None), {401}),
    "too large: header of 64 KiB": (request("/", "X: " + "a" * 65536), {431}),
    "too large: 1 MiB of headers": (request("/", *(f"X{n}: {'a' * 1000}" for n in range(1000))), {431}),
    "too large: target of 17 KiB": (request("/" + "a" * 17 * 1024), {414}),
    "too large: target of 1 MiB": (request("/" + "a" * 1024 * 1024), {414}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_hostile_request_never_reaches_container(proxy: RunningProxy, origin: Origin, name: str) -> None:
    raw, allowed = REFUSED[name]

    reply = await proxy.ask(raw)

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
async def test_bad_chunk_closes_both_connections(proxy: RunningProxy, origin: Origin, name: str) -> None:
    client = await proxy.connect()

    reply = await client.ask(post("Transfer-Encoding: chunked", body=BAD_CHUNKS[name]))

    assert reply.status == 400
    await origin.until(lambda: origin.open == 0)
    assert all(call.body == b"" for call in origin.calls)


async def test_request_trailers_never_become_headers(proxy: RunningProxy, origin: Origin) -> None:
    trailers = b"0\r\nCookie: evil=1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Late: 1\r\n\r\n"

    reply = await proxy.ask(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n" + trailers))

    assert reply.status == 200
    assert origin.calls[0].body == b"hello"
    assert b"evil" not in origin.calls[0].raw
    assert origin.calls[0].get(b"x-forwarded-for") == b"127.0.0.1"


async def test_endless_trailers_are_refused(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()
    await client.send(post("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n"))

    for number in range(200):
        client.writer.write(b"X%d: " % number + b"a" * 1000 + b"\r\n")

    assert (await client.reply()).status == 431
    await origin.until(lambda: origin.open == 0)


async def test_request_in_a_body_stays_body(proxy: RunningProxy, origin: Origin) -> None:
    inner = request("/smuggled")

    reply = await proxy.ask(request("/", f"Content-Length: {len(inner)}", body=inner))

    assert reply.status == 200
    assert [call.target for call in origin.calls] == [b"/"]
    assert origin.calls[0].body == inner


@pytest.mark.parametrize("count", [2, 1000])
async def test_pipelined_requests_are_answered_in_order(proxy: RunningProxy, origin: Origin, count: int) -> None:
    client = await proxy.connect()
    client.writer.write(b"".join(request(f"/{number}") for number in range(count)))

    replies = [await client.reply() for _ in range(count)]

    assert {reply.status for reply in replies} == {200}
    assert [call.target for call in origin.calls] == [b"/%d" % number for number in range(count)]


async def test_bad_pipelined_request_is_refused_in_order(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()
    await client.send(request("/1") + request("/2") + b"nonsense\r\n\r\n")

    statuses = [(await client.reply()).status for _ in range(3)]

    assert statuses == [200, 200, 400]
    assert await client.closed() == b""


async def test_pages_keep_pipelined_order(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()
    lookups = [request("/Settings/webSocketPort"), request("/x", cookie=None), request("/data")]
    client.writer.write(b"".join(lookups * 300))

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
async def test_target_is_relayed_byte_for_byte(proxy: RunningProxy, origin: Origin, target: str) -> None:
    reply = await proxy.ask(request(target))

    assert reply.status in {200, 400}
    if reply.status == 200:
        assert origin.calls[0].target == target.encode("latin-1")


async def test_host_ignores_case_and_port(proxy: RunningProxy, origin: Origin) -> None:
    reply = await proxy.ask(request(host=HOST.upper() + ":8081"))

    assert reply.status == 200


async def test_absolute_target_is_relayed_as_path(proxy: RunningProxy, origin: Origin) -> None:
    assert (await proxy.ask(request(f"http://{HOST}/a?b"))).status == 200
    assert (await proxy.ask(request(f"HTTP://{HOST}"))).status == 200

    assert [call.target for call in origin.calls] == [b"/a?b", b"/"]


DROPPED = {
    "underscores": ("Transfer_Encoding: chunked", "X_Forwarded_For: 6.6.6.6"),
    "forged hosts": ("X-Forwarded-Host: evil", "Forwarded: host=evil"),
    "forged targets": ("X-Original-URL: /evil", "X-Rewrite-URL: /evil"),
    "nominated": ("Connection: x-secret, keep-alive", "X-Secret: evil"),
    "hop by hop": ("Keep-Alive: evil", "Proxy-Authorization: evil", "Proxy-Connection: evil", "TE: evil"),
    "forged addresses": ("X-Forwarded-For: evil", "X-Forwarded-Proto: evil", "X-Real-IP: evil", "Forwarded: for=evil"),
    "forged identities": ("X-Forwarded-User: evil", "Remote-User: evil", "X-Carrel-User: evil", "X-Remote-User: evil"),
    "a platform token": ("Authorization: Token carrel_evil_a_b",),
    "a bare token": ("Authorization: carrel_evil_a_b",),
    "a token as a password": ("Authorization: Basic dXNlcjpjYXJyZWxfZXZpbF9hX2I=",),
}  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
async def test_unsafe_request_header_is_dropped(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin, name: str
) -> None:
    directory.tokens["carrel_evil_a_b"] = directory.grants["owner"]

    reply = await proxy.ask(request("/", *DROPPED[name]))

    assert reply.status == 200
    seen = origin.calls[0].raw.lower()
    assert b"evil" not in seen
    assert b"6.6.6.6" not in seen
    assert b"dxnlcjpj" not in seen


async def test_connection_header_cannot_drop_framing_or_forwarded(proxy: RunningProxy, origin: Origin) -> None:
    nominated = "Connection: host, content-length, x-forwarded-for, x-forwarded-proto, transfer-encoding, close"

    reply = await proxy.ask(request("/", nominated, "Content-Length: 5", method="POST", body=b"12345"))

    assert reply.status == 200
    call = origin.calls[0]
    assert (call.get(b"host"), call.body) == (HOST.encode(), b"12345")
    assert call.get(b"x-forwarded-for") == b"127.0.0.1"


async def test_nominated_cookie_still_authenticates(proxy: RunningProxy, origin: Origin) -> None:
    reply = await proxy.ask(request("/", "Connection: cookie", "Cookie: a=b"))

    assert reply.status == 200
    assert origin.calls[0].get(b"cookie") is None


@pytest.mark.parametrize("body", [b"", b"12345"])
async def test_h2c_is_answered_as_http(proxy: RunningProxy, origin: Origin, body: bytes) -> None:
    client = await proxy.connect()
    length = [f"Content-Length: {len(body)}"] if body else []
    upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"]
    await client.send(request("/1", *upgrade, *length, method="POST", body=body) + request("/2"))

    assert [(await client.reply()).status for _ in range(2)] == [200, 200]
    assert [(call.target, call.body) for call in origin.calls] == [(b"/1", body), (b"/2", b"")]
    assert not {b"upgrade", b"http2-settings"} & set(origin.calls[0].names())


async def test_many_pipelined_upgrades_do_not_recurse(proxy: RunningProxy, origin: Origin) -> None:
    client = await proxy.connect()
    client.writer.write(request("/", "Connection: Upgrade", "Upgrade: h2c") * 1500)

    assert {(await client.reply()).status for _ in range(1500)} == {200}


async def test_h2c_request_keeps_chunked_body(proxy: RunningProxy, origin: Origin) -> None:
    upgrade = ["Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked"]

    reply = await proxy.ask(request("/", *upgrade, method="POST", body=CHUNKS))

    assert reply.status == 200
    assert origin.calls[0].body == b"hello"


async def test_upgrade_without_connection_header_is_plain_http(proxy: RunningProxy, origin: Origin) -> None:
    reply = await proxy.ask(request("/", "Upgrade: websocket"))

    assert reply.status == 200
    assert origin.calls[0].get(b"upgrade") is None


async def test_platform_cookies_never_reach_container(proxy: RunningProxy, origin: Origin) -> None:
    cookies = "Cookie: a=1; carrel-state=s; __Host-carrel=x; __Secure-Carrel-Site=y; b=2"

    reply = await proxy.ask(request("/", cookies))

    assert reply.status == 200
    assert [value for name, value in origin.calls[0].headers if name == b"Cookie"] == [b"a=1; b=2"]


async def test_five_thousand_cookies_are_relayed(proxy: RunningProxy, origin: Origin) -> None:
    cookies = "; ".join(f"c{number}=v" for number in range(5000))

    reply = await proxy.ask(request("/", f"Cookie: {cookies}"))

    assert reply.status == 200
    assert origin.calls[0].get(b"cookie") == cookies.encode()


@pytest.mark.parametrize(
    ("target", "relayed"),
    [
        ("/x?token=carrel_api_a_b", b"/x"),
        ("/x?a=1&t=carrel_api_a_b&b=2", b"/x?a=1&b=2"),
        ("/carrel_x?a", b"/carrel_x?a"),
    ],
)
async def test_token_in_query_is_removed(proxy: RunningProxy, origin: Origin, target: str, relayed: bytes) -> None:
    assert (await proxy.ask(request(target))).status == 200

    assert origin.calls[0].target == relayed


async def test_foreign_authorization_is_relayed(proxy: RunningProxy, origin: Origin) -> None:
    assert (await proxy.ask(request("/", "Authorization: Bearer theirs"))).status == 200

    assert origin.calls[0].get(b"authorization") == b"Bearer theirs"


async def test_trusted_peer_sets_forwarded_for(open_proxy: Opener, origin: Origin) -> None:
    proxy = await open_proxy(trusted_peers=(ip_network("127.0.0.0/8"),))

    assert (await proxy.ask(request("/", "X-Forwarded-For: 192.0.2.1"))).status == 200

    assert origin.calls[0].get(b"x-forwarded-for") == b"192.0.2.1, 127.0.0.1"
