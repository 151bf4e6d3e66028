"""The reference clients' audits of the real API: every MUST and every SHOULD."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import pytest

from models.permissions.principal import SERVICE
from models.services.sessions import sessions
from schema.graphql.node import encode
from tests.schema.served import Served
from tests.schema.steps import queued_session
from tests.services.missing import required_service
from tests.services.node import installed, node

HERE = Path(__file__).parent
SECONDS = 120


@pytest.fixture(scope="session")
def audits() -> Path:
    """The audit script and the packages that it needs."""
    with required_service("Node"):
        folder = installed(HERE / "package.json")
    shutil.copy(HERE / "audit.mjs", folder / "audit.mjs")
    return folder


async def test_every_must_and_should_holds(
    audits: Path, sqlite_api: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = await _ended_session(sqlite_api)
    options = {
        "url": sqlite_api.url,
        "auth": f"Bearer {sqlite_api.tokens['ada']}",
        "query": "{ viewer { username } }",
        "subscription": f'subscription {{ sessionUpdated(id: "{ended}") {{ state }} }}',
        "endless": "subscription { mySessions { id } }",
    }

    code, said = await _run(audits, options)

    with capsys.disabled():
        sys.stdout.write(f"\n{said.strip()}\n")
    counts = json.loads(said.strip().splitlines()[-1])
    assert (code, counts["missed"]) == (0, 0), said
    assert counts["MUST"] >= 13
    assert counts["SHOULD"] >= 23
    assert counts["websocket"] + counts["events"] + counts["protocol"] >= 22


async def _run(folder: Path, options: dict[str, str]) -> tuple[int | None, str]:
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    running = await asyncio.create_subprocess_exec(
        node(),
        "audit.mjs",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    return running.returncode, said.decode()


async def _ended_session(served: Served) -> str:
    """Create an ended session of ada's; its subscription sends the last state and completes."""
    session = await queued_session(served)
    await sessions.request_stop(session, actor=SERVICE)
    return encode("Session", session.id)
