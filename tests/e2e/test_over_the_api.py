"""The main workflow of a script: upload, import, launch, follow, use, stop."""

from pathlib import Path

from tests.e2e.caller import ApiClient
from tests.e2e.conftest import create_workstation
from tests.e2e.installation import Installation


async def walk(installation: Installation, workstation: str) -> None:
    """Launch, use and stop a session as ada."""
    async with ApiClient(installation, installation.people["ada"]) as ada:
        session = await ada.launch(workstation)

        assert "Example workstation" in (await ada.visit(session, "/app/")).text
        assert (await ada.visit(session, "/viewer")).json()["data"] == {"viewer": {"username": "ada"}}
        async with ada.socket(session) as socket:
            await socket.send("hello")
            assert await socket.recv() == "1: hello"

        ended = await ada.stop(session)
        assert (ended["reasonCode"], ended["queuePosition"]) == ("STOPPED_BY_CREATOR", None)
        refused = await ada.visit(session, "/app/")
        assert (refused.status_code, refused.json()["code"]) == (410, "SESSION_ENDED")


async def test_a_session_is_launched_used_and_stopped(installation: Installation, workstation: str) -> None:
    await walk(installation, workstation)


async def test_session_workflow_on_postgres(postgres_installation: Installation, archive: Path) -> None:
    await walk(postgres_installation, await create_workstation(postgres_installation, archive))
