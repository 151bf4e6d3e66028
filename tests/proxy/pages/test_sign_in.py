"""Browser sign-in: redirect to the API, one-time ticket, host-only cookie."""

from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.pages.sign_in import state_hash
from tests.proxy.client import Reply, request
from tests.proxy.conftest import Opener, RunningProxy
from tests.proxy.origin import Origin
from tests.proxy.session_directory import LABEL, InMemoryDirectory

NAVIGATION = ("Accept: text/html,*/*", "Sec-Fetch-Mode: navigate")
STATE = "0123456789abcdef0123456789abcdef"


def enter(ticket: str, target: str = "%2Fa%3Fb", *lines: str, state: str | None = STATE) -> bytes:
    cookie = (f"Cookie: carrel-state={state}",) if state else ()
    return request(f"/.carrel/enter?ticket={ticket}&next={target}", *(lines or NAVIGATION), *cookie, cookie=None)


def set_cookie(reply: Reply) -> str:
    return (reply.get(b"set-cookie") or b"").decode()


async def test_browser_without_cookie_is_sent_to_sign_in(proxy: RunningProxy, origin: Origin) -> None:
    reply = await proxy.ask(request("/a/b?c=d&e", *NAVIGATION, cookie=None))

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
async def test_program_without_cookie_is_never_redirected(proxy: RunningProxy, lines: tuple[str, ...]) -> None:
    reply = await proxy.ask(request("/", *lines, cookie=None))

    assert (reply.status, reply.get(b"location"), reply.get(b"set-cookie")) == (401, None, None)


async def test_tabs_share_one_state_cookie(proxy: RunningProxy) -> None:
    first = await proxy.ask(request("/1", *NAVIGATION, cookie=None))
    state = set_cookie(first).partition("carrel-state=")[2].partition(";")[0]

    second = await proxy.ask(request("/2", *NAVIGATION, f"Cookie: carrel-state={state}", cookie=None))

    assert f"carrel-state={state};" in set_cookie(second)


async def test_ticket_gives_cookie_and_redirects_to_path(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"

    reply = await proxy.ask(enter("t"))

    assert (reply.status, reply.get(b"location")) == (303, b"/a?b")
    assert reply.get(b"referrer-policy") == b"no-referrer"
    assert reply.get(b"cache-control") == b"no-store"
    cookie = set_cookie(reply)
    assert f"{LABEL}:owner" in cookie
    assert all(word in cookie for word in ("carrel-entry=", "HttpOnly", "Path=/", "SameSite=lax"))
    assert "Domain" not in cookie


async def test_https_cookie_is_host_only(open_proxy: Opener, directory: InMemoryDirectory) -> None:
    proxy = await open_proxy(scheme="https")
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"
    raw = enter("t").replace(b"carrel-state", b"__Host-carrel-state")

    cookie = set_cookie(await proxy.ask(raw))

    assert cookie.startswith("__Host-carrel=")
    assert "Secure" in cookie


async def test_ticket_is_valid_once(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"
    await proxy.ask(enter("t"))

    assert (await proxy.ask(enter("t"))).status == 403


async def test_other_browser_cannot_redeem_ticket(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await proxy.ask(enter("t", state="f" * 32))).status == 403
    assert (await proxy.ask(enter("t", state=None))).status == 403
    assert (await proxy.ask(enter("t"))).status == 303


async def test_ticket_of_other_session_is_refused(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", "another", state_hash(STATE)] = "owner"

    assert (await proxy.ask(enter("t"))).status == 403


async def test_unbound_ticket_signs_no_browser_in(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, ""] = "stranger"

    assert (await proxy.ask(enter("t", state=None))).status == 403
    assert (await proxy.ask(enter("t"))).status == 403


async def test_program_may_redeem_unbound_ticket(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, ""] = "owner"

    reply = await proxy.ask(enter("t", "%2F", "Accept: */*", state=None))

    assert reply.status == 303
    assert "carrel-entry=" in set_cookie(reply)


async def test_link_preview_does_not_spend_ticket(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await proxy.ask(enter("t").replace(b"GET", b"HEAD"), head=True)).status == 405
    assert directory.tickets


async def test_default_path_is_the_initial_path(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.tickets["t", LABEL, state_hash(STATE)] = "owner"

    assert (await proxy.ask(enter("t", ""))).get(b"location") == b"/start"


async def test_signed_in_browser_is_redirected_without_ticket(proxy: RunningProxy) -> None:
    reply = await proxy.ask(request("/.carrel/enter?ticket=x&next=/y", *NAVIGATION))

    assert (reply.status, reply.get(b"location")) == (303, b"/y")


async def test_store_outage_is_unavailable(proxy: RunningProxy, directory: InMemoryDirectory) -> None:
    directory.down = True

    assert (await proxy.ask(enter("t"))).status == 503


async def test_page_has_content_security_policy(proxy: RunningProxy) -> None:
    reply = await proxy.ask(enter("used"))

    policy = (reply.get(b"content-security-policy") or b"").decode()
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self' http://platform.test:8080" in policy
