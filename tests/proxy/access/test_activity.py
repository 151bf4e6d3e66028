"""Whether somebody works in a session: what a person does is told, what a page does by itself is not."""

import pytest

from proxy.access.activity import KEEP_ALIVE_BYTES, Activity, received
from tests.proxy.access.test_admission import NAVIGATION, SWITCH
from tests.proxy.client import Client, handshake, request
from tests.proxy.conftest import House, Opener
from tests.proxy.origin import Origin, says
from tests.proxy.session_directory import MemoryDoors
from tests.proxy.waiting import until

CHANGE = request("/a", "Content-Length: 0", method="POST")


def look(activity: Activity, house: House) -> list[int]:
    """Return in which sessions somebody has worked since the last look."""
    return list(activity.busy(house.server.plane.admission.lines.values()))


@pytest.mark.parametrize("raw", [request("/", *NAVIGATION), CHANGE], ids=["a page", "a change"])
async def test_a_page_that_is_opened_and_a_change_are_work_once(house: House, raw: bytes) -> None:
    activity = Activity()
    assert (await house.ask(raw)).status == 200

    assert look(activity, house) == [12]
    assert look(activity, house) == []


async def test_what_a_page_asks_by_itself_is_none(house: House) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        await house.ask(request("/poll", method=method), head=method == "HEAD")

    assert look(Activity(), house) == []


@pytest.fixture
async def tunnel(house: House, origin: Origin) -> Client:
    """An open websocket."""
    origin.answer = says(SWITCH)
    client = await house.connect()
    assert (await client.ask(handshake())).status == 101
    return client


async def _arrived(house: House, tunnel: Client, data: bytes) -> None:
    """Send bytes into the websocket, and wait until the system has counted them."""
    connection = next(iter(house.server.plane.open_tunnels)).client.get_extra_info("socket")
    before = received(connection)
    await tunnel.send(data)
    await until(lambda: received(connection) == before + len(data))


async def test_an_open_websocket_is_no_work_until_somebody_says_something(house: House, tunnel: Client) -> None:
    activity = Activity()
    assert look(activity, house) == [], "the page may have opened it by itself"
    await _arrived(house, tunnel, b"\x8a\x80mask" * 3)
    assert look(activity, house) == [], "answers to pings"

    await _arrived(house, tunnel, b"x" * (KEEP_ALIVE_BYTES + 1))

    assert look(activity, house) == [12]
    assert look(activity, house) == []


async def test_it_is_told_and_what_cannot_be_told_ends_nothing(open_house: Opener, doors: MemoryDoors) -> None:
    house = await open_house(activity_seconds=0.05)
    await house.ask(CHANGE)
    await until(lambda: doors.uses == [12])

    await house.ask(CHANGE)
    doors.down, asked = True, doors.questions
    await until(lambda: doors.questions > asked)
    doors.down = False
    doors.uses.clear()

    await house.ask(CHANGE)
    await until(lambda: doors.uses == [12])
