"""Access to sessions: admitted and refused clients, and revocation of open work."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import now
from proxy.pages import html as pages_html
from tests.proxy.client import DOMAIN, HOST, Client, handshake, request
from tests.proxy.conftest import Opener, RunningProxy
from tests.proxy.origin import SWITCHING_PROTOCOLS, Call, Origin, sends
from tests.proxy.session_directory import LABEL, FakeGrant, InMemoryDirectory
from tests.proxy.waiting import until

NAVIGATION = ("Accept: text/html", "Sec-Fetch-Mode: navigate")


async def upgrade(proxy: RunningProxy, origin: Origin) -> Client:
    origin.answer = sends(SWITCHING_PROTOCOLS)
    client = await proxy.connect()
    assert (await client.ask(handshake())).status == 101
    return client


async def hang(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


WAYS: dict[str, Callable[..., bytes]] = {"http": request, "websocket": handshake}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cookie", "status"),
    [(None, 401), ("", 401), ("forged", 401), ("other-label:owner", 401), (f"{LABEL}:stranger", 404)],
)
async def test_unauthorized_client_never_reaches_container(
    proxy: RunningProxy, origin: Origin, way: str, cookie: str | None, status: int
) -> None:
    reply = await proxy.ask(WAYS[way](cookie=cookie))

    assert reply.status == status
    assert origin.connections == 0


@pytest.mark.parametrize("way", WAYS)
async def test_expired_grant_is_refused(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin, way: str
) -> None:
    directory.grants["owner"] = FakeGrant(expires_at=now() - timedelta(seconds=1))

    assert (await proxy.ask(WAYS[way]())).status == 401
    assert origin.connections == 0


@pytest.mark.parametrize("navigation", [(), NAVIGATION])
async def test_other_users_session_looks_like_none(
    proxy: RunningProxy, directory: InMemoryDirectory, navigation: tuple[str, ...]
) -> None:
    theirs = await proxy.ask(request("/", *navigation, cookie=f"{LABEL}:stranger"))
    directory.sessions.clear()

    nothing = await proxy.ask(request("/", *navigation, cookie=f"{LABEL}:stranger"))

    assert (theirs.status, theirs.headers, theirs.body) == (nothing.status, nothing.headers, nothing.body)
    assert theirs.status == 404


async def test_label_existence_is_not_revealed(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    taken = await proxy.ask(request(cookie=None))

    free = await proxy.ask(request(cookie=None, host=HOST.replace("k", "j")))

    assert (taken.status, taken.headers, taken.body) == (free.status, free.headers, free.body)
    assert directory.lookups == 0


@pytest.mark.parametrize(
    "foreign_origin",
    ["http://evil.test", "http://sibling.sessions.test", "http://platform.test:8080", "null", "https://" + HOST],
)
async def test_cross_origin_websocket_is_refused(proxy: RunningProxy, origin: Origin, foreign_origin: str) -> None:
    reply = await proxy.ask(handshake("/", f"Origin: {foreign_origin}"))

    assert reply.status == 403
    assert origin.connections == 0


async def test_websocket_without_origin_needs_token(proxy: RunningProxy, origin: Origin) -> None:
    assert (await proxy.ask(handshake("/", "Origin:"))).status == 403
    origin.answer = sends(SWITCHING_PROTOCOLS)

    reply = await proxy.ask(handshake("/", "Origin:", "Authorization: Bearer carrel_api_k_s", cookie=None))

    assert reply.status == 101
    assert origin.calls[0].get(b"authorization") is None


async def test_token_does_not_allow_cross_origin_websocket(proxy: RunningProxy, origin: Origin) -> None:
    lines = ("Origin: http://evil.test", "Authorization: Bearer carrel_api_k_s")

    assert (await proxy.ask(handshake("/", *lines, cookie=None))).status == 403


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"), 403),
        (("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"), 403),
        (("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"), 200),
        (("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"), 200),
        (("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"), 200),
    ],
)
async def test_sibling_page_may_only_navigate_here(proxy: RunningProxy, lines: tuple[str, ...], status: int) -> None:
    assert (await proxy.ask(request("/", *lines))).status == status


@pytest.mark.parametrize(
    "lines", [("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"), ("Origin: http://evil.test",)]
)
async def test_cross_origin_form_is_refused(proxy: RunningProxy, origin: Origin, lines: tuple[str, ...]) -> None:
    reply = await proxy.ask(request("/", *lines, "Content-Length: 0", method="POST"))

    assert reply.status == 403
    assert origin.connections == 0


async def test_own_form_of_older_browser_passes(proxy: RunningProxy) -> None:
    lines = (f"Origin: http://{HOST}", "Content-Length: 0")

    assert (await proxy.ask(request("/", *lines, method="POST"))).status == 200


async def test_decision_is_cached_for_many_requests(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    client = await proxy.connect()
    await client.ask(request())
    await asyncio.sleep(0)
    before = directory.lookups

    for _ in range(50):
        assert (await client.ask(request())).status == 200

    assert directory.lookups <= before + 2  # The watcher rechecked once itself.


REVOKED: dict[str, Callable[[InMemoryDirectory], object]] = {
    "sign-out": lambda directory: directory.sign_out(),
    "stop": lambda directory: directory.update_session(state="stopping"),
    "gone": lambda directory: directory.delete_session(),
    "another's now": lambda directory: directory.update_session(creator_id=99),
}


@pytest.mark.parametrize("how", REVOKED)
async def test_revocation_closes_websocket_within_a_second(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin, how: str
) -> None:
    client = await upgrade(proxy, origin)
    began = time.monotonic()

    REVOKED[how](directory)

    assert await client.closed() == b"\x88\x02" + (4401).to_bytes(2, "big")
    assert time.monotonic() - began < 1
    await origin.until(lambda: origin.open == 0)


@pytest.mark.parametrize("how", REVOKED)
async def test_revocation_closes_request_within_a_second(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin, how: str
) -> None:
    origin.answer = hang
    client = await proxy.connect()
    await client.send(request())
    await origin.until(lambda: len(origin.calls) == 1)
    began = time.monotonic()

    REVOKED[how](directory)

    assert await client.closed() == b""
    assert time.monotonic() - began < 1
    await origin.until(lambda: origin.open == 0)


async def test_websocket_closes_when_grant_expires(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    directory.grants["owner"] = FakeGrant(expires_at=now() + timedelta(seconds=0.3))
    client = await upgrade(proxy, origin)

    assert await client.closed(2) == b"\x88\x02" + (4401).to_bytes(2, "big")


async def test_request_after_sign_out_is_refused(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    assert (await proxy.ask(request())).status == 200
    await until(lambda: directory.subscribers)
    before = directory.lookups

    directory.sign_out()

    await until(lambda: directory.lookups > before, 1)
    assert (await proxy.ask(request())).status == 401


async def test_pooled_connection_closes_with_session(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    assert (await proxy.ask(request())).status == 200
    assert origin.open == 1
    await until(lambda: directory.subscribers)

    directory.update_session(state="stopped")

    await origin.until(lambda: origin.open == 0)


async def test_sessions_at_one_address_share_no_connection(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    other = LABEL.replace("k", "j")
    directory.sessions[other] = replace(directory.sessions[LABEL], session_id=13, label=other)
    await proxy.ask(request())

    reply = await proxy.ask(request(host=HOST.replace("k", "j", 1), cookie=f"{other}:owner"))

    assert reply.status == 200
    assert [call.connection for call in origin.calls] == [1, 2]


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254", "fe80::1", "::"],  # noqa: S104
)
async def test_forbidden_address_is_never_connected(
    proxy: RunningProxy, directory: InMemoryDirectory, host: str
) -> None:
    directory.sessions[LABEL] = replace(directory.sessions[LABEL], http=(host, 8080))

    assert (await proxy.ask(request())).status == 502


async def test_platform_port_is_never_connected(
    open_proxy: Opener, directory: InMemoryDirectory, origin: Origin
) -> None:
    address = directory.sessions[LABEL].http
    assert address is not None
    proxy = await open_proxy(forbidden_ports=frozenset({address[1]}))

    assert (await proxy.ask(request())).status == 502
    assert origin.connections == 0


async def test_known_sessions_survive_store_outage(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin
) -> None:
    client = await upgrade(proxy, origin)
    directory.down = True
    directory.publish("session:12")
    origin.answer = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert (await proxy.ask(request())).body == b"ok"
    assert (await proxy.ask(request(cookie=f"{LABEL}:stranger"))).status == 503
    await client.send(b"still open")
    directory.down = False


@pytest.mark.parametrize("state", ["queued", "starting", "stopping", "stopped", "failed", "expired"])
@pytest.mark.parametrize("way", ["page", "program", "websocket"])
async def test_session_that_is_not_running_gets_page(
    proxy: RunningProxy, directory: InMemoryDirectory, origin: Origin, state: str, way: str
) -> None:
    directory.update_session(state=state, http=None, reason="The image was <broken>.")
    raw = {"page": request("/a?b", *NAVIGATION), "program": request("/a?b"), "websocket": handshake("/a?b")}[way]

    reply = await proxy.ask(raw)

    is_waiting = state in ("queued", "starting")
    page, program = (503, 424) if is_waiting else (410, 410)
    assert reply.status == (page if way == "page" else program)
    assert (reply.get(b"content-type") or b"").startswith(b"text/html" if way == "page" else b"application/json")
    assert (
        is_waiting or (b"The image was &lt;broken&gt;." if way == "page" else b"The image was <broken>.") in reply.body
    )
    assert reply.get(b"cache-control") == b"no-store"
    assert origin.connections == 0


async def test_starting_page_learns_when_session_is_ready(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.update_session(state="starting")
    client = await proxy.connect()
    waiting = await client.ask(request("/.carrel/state"))
    directory.update_session(state="running")

    ready = await proxy.ask(request("/.carrel/state", cookie=f"{LABEL}:owner"))

    assert (waiting.status, b'"ready":false' in waiting.body) == (200, True)
    assert (ready.status, b'"ready":true' in ready.body) == (200, True)


@pytest.mark.parametrize("target", ["/.carrel/state", "/.carrel/enter", "/.carrel/x"])
async def test_platform_paths_never_reach_container(proxy: RunningProxy, origin: Origin, target: str) -> None:
    await proxy.ask(request(target))

    assert origin.connections == 0


async def test_health_paths_at_session_host_are_relayed(proxy: RunningProxy, origin: Origin) -> None:
    for target in ("/healthz", "/metrics", "/_chp_healthz"):
        assert (await proxy.ask(request(target))).body == b"hello"


async def test_client_input_is_never_logged(
    proxy: RunningProxy, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    await proxy.ask(request("/?token=carrel_api_k_s", "User-Agent: \x1b[31mevil" + "a" * 50_000))
    await proxy.ask(request("/evil", cookie="forged-evil"))
    await proxy.ask(b"evil\r\n\r\n")
    await origin.stop()
    await proxy.ask(request("/evil"))

    assert not [record for record in caplog.records if any(word in record.getMessage() for word in ("evil", "carrel_"))]
    assert len(caplog.text) < 1000


async def test_container_refusing_connections_is_bad_gateway(proxy: RunningProxy, origin: Origin) -> None:
    await origin.stop()

    assert (await proxy.ask(request())).status == 502
    page = await proxy.ask(request("/", *NAVIGATION))
    assert (page.status, page.get(b"content-type")) == (502, b"text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("position", "sentence"), [(None, "waiting for its turn"), (1, "next in line"), (12, "number 12 in")]
)
async def test_queued_session_shows_queue_position(
    proxy: RunningProxy, directory: InMemoryDirectory, position: int | None, sentence: str
) -> None:
    directory.update_session(state="queued", http=None, queue_position=position)

    page = await proxy.ask(request("/", *NAVIGATION))
    state = json.loads((await proxy.ask(request("/.carrel/state"))).body)
    program = json.loads((await proxy.ask(request("/"))).body)

    assert sentence in page.body.decode()
    assert sentence in state["sentence"]
    assert (state["queuePosition"], program["queuePosition"]) == (position, position)


@pytest.mark.parametrize("state", ["queued", "starting"])
async def test_starting_page_shows_title_and_progress(
    proxy: RunningProxy, directory: InMemoryDirectory, state: str
) -> None:
    directory.update_session(state=state, http=None, title="<b>Viewer</b>")

    text = (await proxy.ask(request("/", *NAVIGATION))).body.decode()

    assert f"&lt;b&gt;Viewer&lt;/b&gt; {'waits in line' if state == 'queued' else 'is starting'}" in text
    assert "<b>" not in text
    assert f'<li aria-current="step">{pages_html.STEPS[state]}</li>' in text


async def test_ping_is_public_and_never_reaches_container(proxy: RunningProxy, origin: Origin) -> None:
    for host in (DOMAIN, HOST):
        reply = await proxy.ask(request("/.carrel/ping", "Origin: https://somewhere.test", host=host, cookie=None))
        assert (reply.status, reply.body, reply.get(b"access-control-allow-origin")) == (204, b"", b"*")
        assert reply.get(b"access-control-allow-credentials") is None
    assert origin.connections == 0
