"""The demo of sessions: uploads a workstation's archive, imports it and launches it, through the public API only."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carrel.client import Client, ClientRefused
from core.concurrency.cancellable_thread import ThreadCancellation

EXAMPLES = Path(__file__).parent.parent / "examples"
TITLE = "Demo workstation"
SLUG = "demo-workstation"
BUILD_SECONDS = 900

FIND = """query($slug: String!) { workstation(slug: $slug) { id activeImage { id state } } }"""
CREATE = """
mutation($title: String!) {
  workstationCreate(input: {title: $title, description: "A page, a websocket and a clock.", isPublic: true}) {
    workstation { id } errors { message }
  }
}"""
UPLOAD = """mutation($name: String!) { uploadCreate(filename: $name) { upload { id } url errors { message } } }"""
IMPORT = """
mutation($workstation: ID!, $upload: ID!) {
  imageCreate(input: {
    workstationId: $workstation, uploadId: $upload, httpPort: 8080, websocketPort: 4114, initialPath: "app/"
  }) { image { id } errors { message } }
}"""
IMPORTED = """subscription($id: ID!) { imageUpdated(id: $id) { state reason } }"""
LAUNCH = """
mutation($workstation: ID!) {
  sessionLaunch(workstationId: $workstation) { session { id workstationUrl } errors { message } }
}"""
LAUNCHED = """subscription($id: ID!) { sessionUpdated(id: $id) { state reason logs } }"""

Echo = Callable[[str], None]


@dataclass(frozen=True)
class DemoSession:
    """The session that the demo launched."""

    session_id: str
    session_url: str


def run(client: Client, docker_host: str, archive: Path, echo: Echo, cancellation: ThreadCancellation) -> DemoSession:
    """Create a workstation with a ready image unless it exists, launch it, and return the running session."""
    with cancellation.on_cancel(client.close):
        return _launch_demo(client, docker_host, archive, echo, cancellation)


def _launch_demo(
    client: Client, docker_host: str, archive: Path, echo: Echo, cancellation: ThreadCancellation
) -> DemoSession:
    workstation = _workstation(client, docker_host, archive, echo, cancellation)
    session = client.ask(LAUNCH, workstation=workstation)["sessionLaunch"]["session"]
    for update in client.follow(LAUNCHED, id=session["id"]):
        state = update["sessionUpdated"]["state"]
        echo(f"session: {state.lower()}")
        if state == "RUNNING":
            return DemoSession(session["id"], session["workstationUrl"])
    raise ClientRefused(f"The demo session did not start: {update['sessionUpdated']['reason']}")


def _workstation(client: Client, docker_host: str, archive: Path, echo: Echo, cancellation: ThreadCancellation) -> str:
    found = client.ask(FIND, slug=SLUG)["workstation"]
    if found and found["activeImage"]:
        return str(found["id"])
    key = found["id"] if found else client.ask(CREATE, title=TITLE)["workstationCreate"]["workstation"]["id"]
    if not archive.exists():
        build(docker_host, archive, echo, cancellation)
    _import(client, str(key), archive, echo)
    return str(key)


def build(
    docker_host: str, archive: Path, echo: Echo, cancellation: ThreadCancellation, name: str = "workstation"
) -> None:
    """Build an example image and save it as an archive, as `docker save IMAGE | gzip` does."""
    echo(f"building the example image {name} (once; up to a minute)")
    script = [sys.executable, str(EXAMPLES / "build_image.py"), name]
    command = [*script, "--docker-host", docker_host, "--output", str(archive)]
    last = ""
    with cancellation.run_process(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            last = line.strip()
            echo(last)
        code = process.wait(BUILD_SECONDS)
    if code:
        raise ClientRefused(f"The example image could not be built: {last}")


def _import(client: Client, workstation: str, archive: Path, echo: Echo) -> None:
    megabytes = archive.stat().st_size / 1e6
    echo(f"uploading {archive.name} ({megabytes:.0f} MB)")
    announced: dict[str, Any] = client.ask(UPLOAD, name=archive.name)["uploadCreate"]
    client.put(announced["url"], archive)
    image = client.ask(IMPORT, workstation=workstation, upload=announced["upload"]["id"])["imageCreate"]["image"]
    for update in client.follow(IMPORTED, id=image["id"]):
        state, reason = update["imageUpdated"]["state"], update["imageUpdated"]["reason"]
        echo(f"image: {state.lower()}")
        if state == "FAILED":
            raise ClientRefused(f"The demo image was refused: {reason}")
