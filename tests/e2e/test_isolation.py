"""Isolation of sessions: from each other, from the platform's secrets, and by the token's permissions."""

import asyncio
import json

import docker

from tests.e2e import documents
from tests.e2e.caller import ApiClient
from tests.e2e.installation import Installation

DIAL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()
    print("reached")
except OSError as error:
    print("no:", error)
"""
ASK = """
import json, os, sys, urllib.request
request = urllib.request.Request(
    os.environ["CARREL_API_URL"],
    json.dumps({"query": sys.argv[1], "variables": json.loads(sys.argv[2])}).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["CARREL_TOKEN"]},
)
print(urllib.request.urlopen(request, timeout=5).read().decode())
"""


def run(engine: docker.APIClient, container: str, program: str, *arguments: str) -> str:
    """Run a program in a container and return its output."""
    made = engine.exec_create(container, ["python3", "-c", program, *arguments])
    return str(engine.exec_start(made["Id"]).decode())


def address(engine: docker.APIClient, container: str) -> str:
    """Return a container's address on the sessions' network."""
    (network,) = engine.inspect_container(container)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


async def test_two_sessions_cannot_reach_one_another(
    installation: Installation, ada: ApiClient, eve: ApiClient, workstation: str
) -> None:
    mine, theirs = await asyncio.gather(ada.launch(workstation), eve.launch(workstation))
    here, there = installation.container(mine.url), installation.container(theirs.url)
    engine = installation.engine

    own = await asyncio.to_thread(run, engine, here, DIAL, address(engine, here), "8080")
    other = await asyncio.to_thread(run, engine, here, DIAL, address(engine, there), "8080")

    assert own == "reached\n"
    assert other.startswith("no:"), other
    await asyncio.gather(ada.stop(mine), eve.stop(theirs))


async def test_platform_credentials_do_not_reach_the_container(ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)
    cookies = "carrel-browser=secret-1; carrel-entry=secret-2; carrel-state=secret-3; theirs=kept"

    seen = (await ada.visit(session, "/echo-headers", Cookie=cookies)).json()

    text = json.dumps(seen)
    assert ada.person.token not in text
    assert "secret-" not in text
    assert ["Cookie", "theirs=kept"] in [[name.title(), value] for name, value in seen["headers"]]
    await ada.stop(session)


async def test_container_token_only_reads_its_session(
    installation: Installation, ada: ApiClient, workstation: str
) -> None:
    session = await ada.launch(workstation)
    inside = installation.container(session.url)

    def ask(query: str, **variables: str) -> str:
        return run(installation.engine, inside, ASK, query, json.dumps(variables))

    assert '"ada"' in await asyncio.to_thread(ask, documents.VIEWER)
    assert session.id in await asyncio.to_thread(ask, documents.SESSIONS)
    refused = json.loads(await asyncio.to_thread(ask, documents.STOP, id=session.id))
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await ada.read(session))["state"] == "RUNNING"
    await ada.stop(session)


async def test_container_runs_with_few_privileges(installation: Installation, ada: ApiClient, workstation: str) -> None:
    session = await ada.launch(workstation)

    facts = await asyncio.to_thread(installation.engine.inspect_container, installation.container(session.url))

    limits = facts["HostConfig"]
    assert facts["Config"]["User"] == "1000:1000"
    assert (limits["CapDrop"], limits["Privileged"]) == (["ALL"], False)
    assert any(option.startswith("no-new-privileges") for option in limits["SecurityOpt"])
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (2048 << 20, 10**9, 256)
    await ada.stop(session)
