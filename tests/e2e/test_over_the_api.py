"""The main job as a script does it: upload, import, launch, follow, use, stop."""

from pathlib import Path

from tests.e2e.caller import Caller
from tests.e2e.conftest import bring_workstation
from tests.e2e.installation import House


async def walk(house: House, workstation: str) -> None:
    """Launch, use and stop a session as ada."""
    async with Caller(house, house.people["ada"]) as ada:
        session = await ada.launch(workstation)

        assert "A desk of your own" in (await ada.visit(session, "/desk/")).text
        assert (await ada.visit(session, "/viewer")).json()["data"] == {"viewer": {"username": "ada"}}
        async with ada.socket(session) as socket:
            await socket.send("hello")
            assert await socket.recv() == "1: hello"

        ended = await ada.stop(session)
        assert (ended["reasonCode"], ended["queuePosition"]) == ("STOPPED_BY_CREATOR", None)
        refused = await ada.visit(session, "/desk/")
        assert (refused.status_code, refused.json()["code"]) == (410, "SESSION_ENDED")


async def test_a_session_is_launched_used_and_stopped(house: House, workstation: str) -> None:
    await walk(house, workstation)


async def test_the_same_holds_on_postgres(postgres_house: House, archive: Path) -> None:
    await walk(postgres_house, await bring_workstation(postgres_house, archive))
