"""`carrel up` starts from nothing, runs the demo and stops, twice over the same data."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
import httpx2
import pytest

from carrel.client import Client
from core.settings import Settings, load
from schema import example_queries
from tests.e2e import documents
from tests.e2e.installation import CARREL, environment, free_port, interrupt, remove_instance
from tests.waiting import eventually

START_SECONDS = 120
KEYS = {"graphql", "sdl", "token", "sessionId", "sessionUrl", "datasessionId", "proxy"}


@pytest.fixture
def machine(docker_host: str, data_dir: Path, archive: Path) -> Iterator[Settings]:
    """A data folder with the demo's archive, and free ports."""
    (data_dir / "workstation.tar.gz").symlink_to(archive)
    settings = load(
        data_dir=data_dir,
        docker_host=docker_host,
        instance=f"up-{uuid4().hex[:8]}",
        api_url=f"http://127.0.0.1:{free_port()}",
        sessions_url=f"http://sessions.localhost:{free_port()}",
        health_port=0,
    )
    yield settings
    engine = docker.APIClient(docker_host)
    remove_instance(engine, settings.instance)
    engine.close()


@asynccontextmanager
async def up(machine: Settings) -> AsyncIterator[dict[str, str]]:
    """Run `carrel up`, yield its file for scripts once it is up, and send Ctrl-C at the end."""
    log = machine.data_dir / "up.log"
    before = written(machine)
    with log.open("wb") as output:
        running = subprocess.Popen(  # noqa: ASYNC220 - it must outlive this call
            [CARREL, "up"],
            env=environment(machine, CARREL_DATA_DIR=machine.data_dir.name),  # Relative, as it is unless one says more.
            cwd=machine.data_dir.parent,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await eventually(lambda: written(machine) != before or running.poll() is not None, START_SECONDS)
        assert running.poll() is None, log.read_text()
        yield written(machine)
    finally:
        code = await asyncio.to_thread(interrupt, running)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def written(machine: Settings) -> dict[str, str]:
    """Return the content of the file for scripts; empty before the first start."""
    file = machine.data_dir / "up.json"
    return json.loads(file.read_text()) if file.exists() else {}


def containers(machine: Settings) -> list[str]:
    """Return the containers of this instance, running or not."""
    engine = docker.APIClient(machine.docker_host)
    found = engine.containers(all=True, filters={"label": f"carrel.instance={machine.instance}"})
    engine.close()
    return [container["Names"][0] for container in found]


async def session_of(addresses: dict[str, str], key: str) -> Any:
    """Query one session of a running installation."""
    client = Client(addresses["graphql"], addresses["token"])
    return (await asyncio.to_thread(client.ask, documents.SESSION, id=key))["node"]


async def pictures(addresses: dict[str, str]) -> list[bytes]:
    """Return the previews of the data sessions' tab, read with the demo's token."""
    client = Client(addresses["graphql"], addresses["token"])
    nodes = (await asyncio.to_thread(client.ask, example_queries.DATASESSIONS))["datasessions"]["nodes"]
    (worked,) = [node for node in nodes if node["id"] == addresses["datasessionId"]]
    outputs = [output for operation in worked["operations"]["nodes"] for output in operation["outputs"]]
    urls = [file["url"] for output in outputs for file in output["files"] if file["kind"] == "small"]
    headers = {"Authorization": f"Bearer {addresses['token']}"}
    async with httpx2.AsyncClient(trust_env=False, headers=headers) as http:
        return [(await http.get(url)).content for url in urls]


async def test_demo_runs_and_everything_is_removed(machine: Settings) -> None:
    async with up(machine) as first:
        assert set(first) >= KEYS
        assert (machine.data_dir / "up.json").stat().st_mode & 0o777 == 0o600
        session = await session_of(first, first["sessionId"])
        assert (session["state"], session["workstationUrl"]) == ("RUNNING", first["sessionUrl"])
        assert len(containers(machine)) == 1
        shown = await pictures(first)
        assert len(shown) >= 4
        assert all(picture.startswith(b"\xff\xd8") for picture in shown), "previews are JPEG"
    assert containers(machine) == []

    async with up(machine) as second:
        kept = await session_of(second, first["sessionId"])
        assert (kept["state"], kept["reason"]) == ("STOPPED", "Carrel was stopped.")
        assert second["sessionId"] != first["sessionId"]
        assert second["datasessionId"] == first["datasessionId"]
        assert (await session_of(second, second["sessionId"]))["state"] == "RUNNING"
    assert containers(machine) == []
