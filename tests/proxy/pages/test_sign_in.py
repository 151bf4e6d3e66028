"""The way in: sign-in at the platform, a ticket, a cookie of this host alone."""

from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.pages.sign_in import own_path, state_hash
from tests.proxy.client import Reply, request
from tests.proxy.conftest import House, Opener
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, MemoryDoors

NAVIGATION = ("Accept: text/html,*/*", "Sec-Fetch-Mode: navigate")
STATE = "0123456789abcdef0123456789abcdef"


def enter(ticket: str, target: str = "%2Fa%3Fb", *lines: str, state: str | None = STATE) -> bytes:
    cookie = (f"Cookie: carrel-state={state}",) if state else ()
    return request(f"/.carrel/enter?ticket={ticket}&next={target}", *(lines or NAVIGATION), *cookie, cookie=None)


def set_cookie(reply: Reply) -> str:
    return (reply.get(b"set-cookie") or b"").decode()


async def test_a_browser_without_a_cookie_is_sent_to_sign_in(house: House, origin: Origin) -> None:
    reply = await house.ask(request("/a/b?c=d&e", *NAVIGATION, cookie=None))

    location = urlsplit((reply.get(b"location") or b"").decode())
    query = parse_qs(location.query)
    state = set_cookie(reply).partition("carrel-state=")[2].partition(";")[0]
    assert reply.status == 303
    assert (location.netloc, location.path) == ("platform.test:8080", "/enter")
    assert query == {"session": [LABEL], "next": ["/a/b?c=d&e"], "state": [state_hash(state)]}
    assert "HttpOnly" in set_cookie(reply)
    assert "Domain" not in set_cookie(reply)
    assert origin.connections == 0


@pytest.mark.parametrize(
    "lines", [(), ("Accept: application/json",), ("Accept: text/html", "Sec-Fetch-Mode: cors"), ("Accept: */*",)]
)
async def test_a_program_without_a_cookie_is_never_redirected(house: House, lines: tuple[str, ...]) -> None:
    reply = await house.ask(request("/", *lines, cookie=None))

    assert (reply.status, reply.get(b"location"), reply.get(b"set-cookie")) == (401, None, None)


async def test_two_tabs_share_a_state(house: House) -> None:
    first = await house.ask(request("/1", *NAVIGATION, cookie=None))
    state = set_cookie(first).partition("carrel-state=")[2].partition(";")[0]

    second = await house.ask(request("/2", *NAVIGATION, f"Cookie: carrel-state={state}", cookie=None))

    assert f"carrel-state={state};" in set_cookie(second)


async def test_a_ticket_becomes_a_cookie_and_the_path_that_was_asked_for(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"

    reply = await house.ask(enter("t"))

    assert (reply.status, reply.get(b"location")) == (303, b"/a?b")
    assert reply.get(b"referrer-policy") == b"no-referrer"
    assert reply.get(b"cache-control") == b"no-store"
    cookie = set_cookie(reply)
    assert f"{LABEL}:owner" in cookie
    assert all(word in cookie for word in ("carrel-desk=", "HttpOnly", "Path=/", "SameSite=lax"))
    assert "Domain" not in cookie


async def test_over_https_the_cookie_is_of_this_host_only(open_house: Opener, doors: MemoryDoors) -> None:
    house = await open_house(scheme="https")
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"
    raw = enter("t").replace(b"carrel-state", b"__Host-carrel-state")

    cookie = set_cookie(await house.ask(raw))

    assert cookie.startswith("__Host-carrel=")
    assert "Secure" in cookie


async def test_52_a_ticket_is_good_once(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"
    await house.ask(enter("t"))

    assert (await house.ask(enter("t"))).status == 403


async def test_52_another_browser_cannot_spend_it(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await house.ask(enter("t", state="f" * 32))).status == 403
    assert (await house.ask(enter("t", state=None))).status == 403
    assert (await house.ask(enter("t"))).status == 303


async def test_52_a_ticket_of_another_session_is_none(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", "another", state_hash(STATE)] = "owner"

    assert (await house.ask(enter("t"))).status == 403


async def test_52_a_link_with_an_unbound_ticket_signs_no_browser_in(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, ""] = "stranger"

    assert (await house.ask(enter("t", state=None))).status == 403
    assert (await house.ask(enter("t"))).status == 403


async def test_a_program_may_spend_an_unbound_ticket(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, ""] = "owner"

    reply = await house.ask(enter("t", "%2F", "Accept: */*", state=None))

    assert reply.status == 303
    assert "carrel-desk=" in set_cookie(reply)


async def test_a_preview_does_not_spend_a_ticket(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await house.ask(enter("t").replace(b"GET", b"HEAD"), head=True)).status == 405
    assert doors.tickets


async def test_without_a_path_one_comes_to_the_sessions_first_page(house: House, doors: MemoryDoors) -> None:
    doors.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await house.ask(enter("t", ""))).get(b"location") == b"/start"


async def test_who_is_inside_already_just_goes_on(house: House) -> None:
    reply = await house.ask(request("/.carrel/enter?ticket=x&next=/y", *NAVIGATION))

    assert (reply.status, reply.get(b"location")) == (303, b"/y")


async def test_when_the_store_is_down_it_says_so(house: House, doors: MemoryDoors) -> None:
    doors.down = True

    assert (await house.ask(enter("t"))).status == 503


async def test_a_page_says_what_may_run_on_it(house: House) -> None:
    reply = await house.ask(enter("used"))

    policy = (reply.get(b"content-security-policy") or b"").decode()
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self' http://platform.test:8080" in policy


@pytest.mark.parametrize(
    "text",
    [
        "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "https:evil.test", "https://evil.test",
        "evil.test",
        "@evil.test", "/a\tb", "\t//evil.test", "/a\r\nSet-Cookie: a=b", "/a\0", "javascript:alert(1)", "", " /a",
        "/.carrel/enter?ticket=x", "/a\u2028b",
    ],
)  # fmt: skip
def test_53_what_is_no_path_of_this_host_is_not_followed(text: str) -> None:
    assert own_path(text) is None


@pytest.mark.parametrize("text", ["/", "/a/b?c=d#e", "/a%2f..%2fb?x=%0d%0a", "/@x", "/a//b", "/https://evil.test"])
def test_53_a_path_of_this_host_is_kept(text: str) -> None:
    assert own_path(text) == text
