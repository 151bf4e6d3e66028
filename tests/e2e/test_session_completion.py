"""How sessions end that nobody stopped, and that the end is felt at once by whoever is inside."""

import asyncio
from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from core.clock import now
from models.sessions.sessions import Session
from tests.e2e.caller import Caller
from tests.e2e.installation import NARROW, House

SIGNED_OUT = 4401


async def test_a_container_killed_from_outside_is_known_within_five_seconds(
    house: House, ada: Caller, workstation: str
) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        await asyncio.to_thread(house.engine.kill, house.container(session.url))
        failed = await ada.reaches(session, "FAILED")

    assert (failed["reasonCode"], failed["exitCode"]) == ("CONTAINER_EXITED", 137)
    assert failed["reason"] == "The container ended by itself with exit code 137 (killed)."
    assert "Pages on 8080, websockets on 4114" in failed["logs"]


async def test_a_program_that_crashes_leaves_its_exit_code_and_last_words(ada: Caller, workstation: str) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        assert (await ada.visit(session, "/crash")).text == "Crashing.\n"
        failed = await ada.reaches(session, "FAILED")

    assert (failed["reasonCode"], failed["exitCode"]) == ("CONTAINER_EXITED", 3)
    assert failed["logs"].rstrip().endswith("The workstation crashes, as it was asked to.")


async def test_a_container_removed_from_outside_is_known_too(house: House, ada: Caller, workstation: str) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        await asyncio.to_thread(house.engine.remove_container, house.container(session.url), force=True)
        failed = await ada.reaches(session, "FAILED")

    assert failed["reasonCode"] in {"CONTAINER_LOST", "CONTAINER_EXITED"}
    assert failed["reason"]


@pytest.mark.usefixtures("rows")
async def test_a_session_ends_when_its_time_is_over(ada: Caller, workstation: str) -> None:
    session = await ada.launch(workstation, region=NARROW, seconds=60)
    async with ada.socket(session) as socket:
        await Session.filter(label=session.label).update(expires_at=now() - timedelta(seconds=1))

        expired = await ada.reaches(session, "EXPIRED")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 2)

    assert (expired["reasonCode"], expired["reason"]) == ("EXPIRED", "Its maximum duration was reached.")
    over = await ada.visit(session)
    assert (over.status_code, over.json()["state"]) == (410, "expired")


async def test_an_open_websocket_is_closed_when_its_session_is_stopped(ada: Caller, workstation: str) -> None:
    session = await ada.launch(workstation)
    async with ada.socket(session) as socket:
        await ada.stop(session)

        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 1)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SIGNED_OUT


async def test_nothing_is_left_in_the_engine(house: House, ada: Caller, workstation: str) -> None:
    session = await ada.launch(workstation)
    name = house.container(session.url)

    await ada.stop(session)

    assert house.engine.containers(all=True, filters={"name": name}) == []
    assert (await ada.read(session))["logs"]
