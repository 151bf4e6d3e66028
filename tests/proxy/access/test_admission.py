"""Who comes in, who does not, and what happens to those inside when that changes."""

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
from tests.proxy.conftest import House, Opener
from tests.proxy.origin import Call, Origin, says
from tests.proxy.session_directory import LABEL, MemoryDoors, MemoryEntry
from tests.proxy.waiting import until

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
NAVIGATION = ("Accept: text/html", "Sec-Fetch-Mode: navigate")


async def upgrade(house: House, origin: Origin) -> Client:
    origin.answer = says(SWITCH)
    client = await house.connect()
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
async def test_29_who_has_no_right_never_reaches_the_container(
    house: House, origin: Origin, way: str, cookie: str | None, status: int
) -> None:
    reply = await house.ask(WAYS[way](cookie=cookie))

    assert reply.status == status
    assert origin.connections == 0


@pytest.mark.parametrize("way", WAYS)
async def test_29_an_expired_entry_is_none(house: House, doors: MemoryDoors, origin: Origin, way: str) -> None:
    doors.entries["owner"] = MemoryEntry(expires_at=now() - timedelta(seconds=1))

    assert (await house.ask(WAYS[way]())).status == 401
    assert origin.connections == 0


@pytest.mark.parametrize("navigation", [(), NAVIGATION])
async def test_55_anothers_session_looks_like_none(
    house: House, doors: MemoryDoors, navigation: tuple[str, ...]
) -> None:
    theirs = await house.ask(request("/", *navigation, cookie=f"{LABEL}:stranger"))
    doors.desks.clear()

    nothing = await house.ask(request("/", *navigation, cookie=f"{LABEL}:stranger"))

    assert (theirs.status, theirs.headers, theirs.body) == (nothing.status, nothing.headers, nothing.body)
    assert theirs.status == 404


async def test_55_nobody_learns_whether_a_name_is_taken(house: House, doors: MemoryDoors) -> None:
    taken = await house.ask(request(cookie=None))

    free = await house.ask(request(cookie=None, host=HOST.replace("k", "j")))

    assert (taken.status, taken.headers, taken.body) == (free.status, free.headers, free.body)
    assert doors.questions == 0


@pytest.mark.parametrize(
    "origin_told",
    ["http://evil.test", "http://sibling.sessions.test", "http://platform.test:8080", "null", "https://" + HOST],
)
async def test_28_a_websocket_of_another_origin_is_refused(house: House, origin: Origin, origin_told: str) -> None:
    reply = await house.ask(handshake("/", f"Origin: {origin_told}"))

    assert reply.status == 403
    assert origin.connections == 0


async def test_28_a_websocket_without_origin_needs_more_than_a_cookie(house: House, origin: Origin) -> None:
    assert (await house.ask(handshake("/", "Origin:"))).status == 403
    origin.answer = says(SWITCH)

    reply = await house.ask(handshake("/", "Origin:", "Authorization: Bearer carrel_api_k_s", cookie=None))

    assert reply.status == 101
    assert origin.calls[0].get(b"authorization") is None


async def test_28_a_token_in_a_page_of_another_origin_does_not_help(house: House, origin: Origin) -> None:
    lines = ("Origin: http://evil.test", "Authorization: Bearer carrel_api_k_s")

    assert (await house.ask(handshake("/", *lines, cookie=None))).status == 403


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
async def test_50_a_sibling_page_may_only_lead_here(house: House, lines: tuple[str, ...], status: int) -> None:
    assert (await house.ask(request("/", *lines))).status == status


@pytest.mark.parametrize(
    "lines", [("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"), ("Origin: http://evil.test",)]
)
async def test_50_a_form_of_another_page_is_refused(house: House, origin: Origin, lines: tuple[str, ...]) -> None:
    reply = await house.ask(request("/", *lines, "Content-Length: 0", method="POST"))

    assert reply.status == 403
    assert origin.connections == 0


async def test_an_older_browsers_own_form_passes(house: House) -> None:
    lines = (f"Origin: http://{HOST}", "Content-Length: 0")

    assert (await house.ask(request("/", *lines, method="POST"))).status == 200


async def test_a_verdict_is_asked_once_for_many(house: House, doors: MemoryDoors) -> None:
    client = await house.connect()
    await client.ask(request())
    await asyncio.sleep(0)
    asked = doors.questions

    for _ in range(50):
        assert (await client.ask(request())).status == 200

    assert doors.questions <= asked + 2  # The watch looked once itself.


REVOKED: dict[str, Callable[[MemoryDoors], object]] = {
    "sign-out": lambda doors: doors.sign_out(),
    "stop": lambda doors: doors.move(state="stopping"),
    "gone": lambda doors: doors.remove(),
    "another's now": lambda doors: doors.move(creator_id=99),
}


@pytest.mark.parametrize("how", REVOKED)
async def test_30_a_websocket_ends_within_a_second(house: House, doors: MemoryDoors, origin: Origin, how: str) -> None:
    client = await upgrade(house, origin)
    began = time.monotonic()

    REVOKED[how](doors)

    assert await client.closed() == b"\x88\x02" + (4401).to_bytes(2, "big")
    assert time.monotonic() - began < 1
    await origin.until(lambda: origin.open == 0)


@pytest.mark.parametrize("how", REVOKED)
async def test_30_a_request_under_way_ends_within_a_second(
    house: House, doors: MemoryDoors, origin: Origin, how: str
) -> None:
    origin.answer = hang
    client = await house.connect()
    await client.send(request())
    await origin.until(lambda: len(origin.calls) == 1)
    began = time.monotonic()

    REVOKED[how](doors)

    assert await client.closed() == b""
    assert time.monotonic() - began < 1
    await origin.until(lambda: origin.open == 0)


async def test_30_a_websocket_ends_when_its_entry_expires(house: House, doors: MemoryDoors, origin: Origin) -> None:
    doors.entries["owner"] = MemoryEntry(expires_at=now() + timedelta(seconds=0.3))
    client = await upgrade(house, origin)

    assert await client.closed(2) == b"\x88\x02" + (4401).to_bytes(2, "big")


async def test_30_the_next_request_after_sign_out_is_refused(house: House, doors: MemoryDoors) -> None:
    assert (await house.ask(request())).status == 200
    await until(lambda: doors.subscribers)
    asked = doors.questions

    doors.sign_out()

    await until(lambda: doors.questions > asked, 1)
    assert (await house.ask(request())).status == 401


async def test_19_a_kept_connection_ends_with_its_session(house: House, doors: MemoryDoors, origin: Origin) -> None:
    assert (await house.ask(request())).status == 200
    assert origin.open == 1
    await until(lambda: doors.subscribers)

    doors.move(state="stopped")

    await origin.until(lambda: origin.open == 0)


async def test_19_two_sessions_at_one_address_share_no_connection(
    house: House, doors: MemoryDoors, origin: Origin
) -> None:
    other = LABEL.replace("k", "j")
    doors.desks[other] = replace(doors.desks[LABEL], session_id=13, label=other)
    await house.ask(request())

    reply = await house.ask(request(host=HOST.replace("k", "j", 1), cookie=f"{other}:owner"))

    assert reply.status == 200
    assert [call.connection for call in origin.calls] == [1, 2]


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254", "fe80::1", "::"],  # noqa: S104
)
async def test_18_an_address_no_container_has_is_never_dialled(house: House, doors: MemoryDoors, host: str) -> None:
    doors.desks[LABEL] = replace(doors.desks[LABEL], http=(host, 8080))

    assert (await house.ask(request())).status == 502


async def test_18_a_port_of_ours_is_never_dialled(open_house: Opener, doors: MemoryDoors, origin: Origin) -> None:
    address = doors.desks[LABEL].http
    assert address is not None
    house = await open_house(forbidden_ports=frozenset({address[1]}))

    assert (await house.ask(request())).status == 502
    assert origin.connections == 0


async def test_58_known_sessions_go_on_when_the_store_is_down(house: House, doors: MemoryDoors, origin: Origin) -> None:
    client = await upgrade(house, origin)
    doors.down = True
    doors.hint("session:12")
    origin.answer = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert (await house.ask(request())).body == b"ok"
    assert (await house.ask(request(cookie=f"{LABEL}:stranger"))).status == 503
    await client.send(b"still open")
    doors.down = False


@pytest.mark.parametrize("state", ["queued", "starting", "stopping", "stopped", "failed", "expired"])
@pytest.mark.parametrize("way", ["page", "program", "websocket"])
async def test_48_49_a_session_that_does_not_run(
    house: House, doors: MemoryDoors, origin: Origin, state: str, way: str
) -> None:
    doors.move(state=state, http=None, reason="The image was <broken>.")
    raw = {"page": request("/a?b", *NAVIGATION), "program": request("/a?b"), "websocket": handshake("/a?b")}[way]

    reply = await house.ask(raw)

    waits = state in ("queued", "starting")
    page, program = (503, 424) if waits else (410, 410)
    assert reply.status == (page if way == "page" else program)
    assert (reply.get(b"content-type") or b"").startswith(b"text/html" if way == "page" else b"application/json")
    assert waits or (b"The image was &lt;broken&gt;." if way == "page" else b"The image was <broken>.") in reply.body
    assert reply.get(b"cache-control") == b"no-store"
    assert origin.connections == 0


async def test_the_starting_page_is_told_when_to_go_on(house: House, doors: MemoryDoors) -> None:
    doors.move(state="starting")
    client = await house.connect()
    waiting = await client.ask(request("/.carrel/state"))
    doors.move(state="running")

    ready = await house.ask(request("/.carrel/state", cookie=f"{LABEL}:owner"))

    assert (waiting.status, b'"ready":false' in waiting.body) == (200, True)
    assert (ready.status, b'"ready":true' in ready.body) == (200, True)


@pytest.mark.parametrize("target", ["/.carrel/state", "/.carrel/enter", "/.carrel/x"])
async def test_paths_of_ours_never_reach_the_container(house: House, origin: Origin, target: str) -> None:
    await house.ask(request(target))

    assert origin.connections == 0


async def test_57_health_and_metrics_at_a_session_host_are_the_containers(house: House, origin: Origin) -> None:
    for target in ("/healthz", "/metrics", "/_chp_healthz"):
        assert (await house.ask(request(target))).body == b"hello"


async def test_56_nothing_a_client_sends_is_logged(
    house: House, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    await house.ask(request("/?token=carrel_api_k_s", "User-Agent: \x1b[31mevil" + "a" * 50_000))
    await house.ask(request("/evil", cookie="forged-evil"))
    await house.ask(b"evil\r\n\r\n")
    await origin.stop()
    await house.ask(request("/evil"))

    assert not [record for record in caplog.records if any(word in record.getMessage() for word in ("evil", "carrel_"))]
    assert len(caplog.text) < 1000


async def test_48_a_container_that_takes_no_connection(house: House, origin: Origin) -> None:
    await origin.stop()

    assert (await house.ask(request())).status == 502
    page = await house.ask(request("/", *NAVIGATION))
    assert (page.status, page.get(b"content-type")) == (502, b"text/html; charset=utf-8")


@pytest.mark.parametrize(("place", "said"), [(None, "waiting for its turn"), (1, "next in line"), (12, "number 12 in")])
async def test_who_waits_in_line_is_told_the_place(
    house: House, doors: MemoryDoors, place: int | None, said: str
) -> None:
    doors.move(state="queued", http=None, place=place)

    page = await house.ask(request("/", *NAVIGATION))
    told = json.loads((await house.ask(request("/.carrel/state"))).body)
    program = json.loads((await house.ask(request("/"))).body)

    assert said in page.body.decode()
    assert (said in told["sentence"], told["place"], program["place"]) == (True, place, place)


@pytest.mark.parametrize("state", ["queued", "starting"])
async def test_the_starting_page_shows_what_starts_and_how_far_it_is(
    house: House, doors: MemoryDoors, state: str
) -> None:
    doors.move(state=state, http=None, title="<b>Viewer</b>")

    text = (await house.ask(request("/", *NAVIGATION))).body.decode()

    assert f"&lt;b&gt;Viewer&lt;/b&gt; {'waits in line' if state == 'queued' else 'is starting'}" in text
    assert "<b>" not in text
    assert f'<li aria-current="step">{pages_html.STEPS[state]}</li>' in text


async def test_anybody_may_measure_how_far_the_proxy_is_at_its_own_host_and_at_no_session_in_its_place(
    house: House, origin: Origin
) -> None:
    for host in (DOMAIN, HOST):
        reply = await house.ask(request("/.carrel/ping", "Origin: https://somewhere.test", host=host, cookie=None))
        assert (reply.status, reply.body, reply.get(b"access-control-allow-origin")) == (204, b"", b"*")
        assert reply.get(b"access-control-allow-credentials") is None
    assert origin.connections == 0
