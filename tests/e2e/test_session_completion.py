"""Sessions that end without a stop request, and the immediate disconnection of their users."""

import asyncio
from datetime import timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from core.clock import now
from models.sessions.sessions import Session
from tests.e2e.caller import ApiClient
from tests.e2e.installation import SMALL_REGION, Installation

SIGNED_OUT = 4401


async def test_killed_container_is_noticed_in_five_seconds(
    installation: Installation, ada: ApiClient, workstation: str
) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        await asyncio.to_thread(installation.engine.kill, installation.container(session.url))
        failed = await ada.wait_for_state(session, "FAILED")

    assert (failed["reasonCode"], failed["exitCode"]) == ("CONTAINER_EXITED", 137)
    assert failed["reason"] == "The container exited with code 137 (killed)."
    assert "Pages on 8080, websockets on 4114" in failed["logs"]


async def test_crashed_program_leaves_exit_code_and_logs(ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        assert (await ada.visit(session, "/crash")).text == "Crashing.\n"
        failed = await ada.wait_for_state(session, "FAILED")

    assert (failed["reasonCode"], failed["exitCode"]) == ("CONTAINER_EXITED", 3)
    assert failed["logs"].rstrip().endswith("The workstation crashes, as it was asked to.")


async def test_removed_container_is_noticed(installation: Installation, ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)

    async with asyncio.timeout(5):
        await asyncio.to_thread(installation.engine.remove_container, installation.container(session.url), force=True)
        failed = await ada.wait_for_state(session, "FAILED")

    assert failed["reasonCode"] in {"CONTAINER_LOST", "CONTAINER_EXITED"}
    assert failed["reason"]


@pytest.mark.usefixtures("rows")
async def test_a_session_ends_when_its_time_is_over(ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation, region=SMALL_REGION, seconds=60)
    async with ada.socket(session) as socket:
        await Session.filter(label=session.label).update(expires_at=now() - timedelta(seconds=1))

        expired = await ada.wait_for_state(session, "EXPIRED")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 2)

    assert (expired["reasonCode"], expired["reason"]) == ("EXPIRED", "Its maximum duration was reached.")
    over = await ada.visit(session)
    assert (over.status_code, over.json()["state"]) == (410, "expired")


async def test_stop_closes_open_websockets(ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)
    async with ada.socket(session) as socket:
        await ada.stop(session)

        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 1)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SIGNED_OUT


async def test_nothing_is_left_in_the_engine(installation: Installation, ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)
    name = installation.container(session.url)

    await ada.stop(session)

    assert installation.engine.containers(all=True, filters={"name": name}) == []
    assert (await ada.read(session))["logs"]
