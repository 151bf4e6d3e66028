"""Activity in sessions: the actions of a person are reported, those of an open page are not."""

import pytest

from proxy.access.activity import KEEP_ALIVE_BYTES, ActivityTracker
from tests.proxy.access.test_admission import NAVIGATION
from tests.proxy.client import Client, handshake, request
from tests.proxy.conftest import Opener, RunningProxy
from tests.proxy.origin import SWITCHING_PROTOCOLS, Origin, sends
from tests.proxy.session_directory import InMemoryDirectory
from tests.proxy.waiting import until

CHANGE = request("/a", "Content-Length: 0", method="POST")


def look(tracker: ActivityTracker, proxy: RunningProxy) -> list[int]:
    """Return the sessions with activity since the last look."""
    return list(tracker.sessions_in_use(proxy.server.state.admission.sessions.values()))


@pytest.mark.parametrize("raw", [request("/", *NAVIGATION), CHANGE], ids=["a page", "a change"])
async def test_navigation_and_change_count_once_as_activity(proxy: RunningProxy, raw: bytes) -> None:
    tracker = ActivityTracker()
    assert (await proxy.ask(raw)).status == 200

    assert look(tracker, proxy) == [12]
    assert look(tracker, proxy) == []


async def test_polling_is_no_activity(proxy: RunningProxy) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        await proxy.ask(request("/poll", method=method), head=method == "HEAD")

    assert look(ActivityTracker(), proxy) == []


@pytest.fixture
async def tunnel(proxy: RunningProxy, origin: Origin) -> Client:
    """An open websocket."""
    origin.answer = sends(SWITCHING_PROTOCOLS)
    client = await proxy.connect()
    assert (await client.ask(handshake())).status == 101
    return client


async def _send_counted(proxy: RunningProxy, client: Client, data: bytes) -> None:
    """Send bytes into the websocket, and wait until the kernel has counted them."""
    tunnel = next(iter(proxy.server.state.open_tunnels))
    before = tunnel.bytes_received()
    await client.send(data)
    await until(lambda: tunnel.bytes_received() == before + len(data))


async def test_open_websocket_is_no_activity_until_client_sends(proxy: RunningProxy, tunnel: Client) -> None:
    tracker = ActivityTracker()
    assert look(tracker, proxy) == [], "the page may have opened it by itself"
    await _send_counted(proxy, tunnel, b"\x8a\x80mask" * 3)
    assert look(tracker, proxy) == [], "answers to pings"

    await _send_counted(proxy, tunnel, b"x" * (KEEP_ALIVE_BYTES + 1))

    assert look(tracker, proxy) == [12]
    assert look(tracker, proxy) == []


async def test_activity_is_reported_despite_failures(open_proxy: Opener, directory: InMemoryDirectory) -> None:
    proxy = await open_proxy(activity_seconds=0.05)
    await proxy.ask(CHANGE)
    await until(lambda: directory.recorded_activity == [12])

    await proxy.ask(CHANGE)
    directory.down, before = True, directory.lookups
    await until(lambda: directory.lookups > before)
    directory.down = False
    directory.recorded_activity.clear()

    await proxy.ask(CHANGE)
    await until(lambda: directory.recorded_activity == [12])
