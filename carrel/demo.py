"""The main job on real input, through the public API alone: upload a workstation's archive, import it, launch it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carrel.client import Client, Refused
from core.concurrency.cancellable_thread import Patience

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
    workstationId: $workstation, uploadId: $upload, httpPort: 8080, websocketPort: 4114, initialPath: "desk/"
  }) { image { id } errors { message } }
}"""
IMPORTED = """subscription($id: ID!) { imageUpdated(id: $id) { state reason } }"""
LAUNCH = """
mutation($workstation: ID!) {
  sessionLaunch(workstationId: $workstation) { session { id workstationUrl } errors { message } }
}"""
LAUNCHED = """subscription($id: ID!) { sessionUpdated(id: $id) { state reason logs } }"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Shown:
    """What the demo has made."""

    session_id: str
    session_url: str


def run(client: Client, docker_host: str, archive: Path, say: Say, patience: Patience) -> Shown:
    """Make sure of a workstation with a ready image, launch it, and return the running session."""
    with patience.ending(client.close):
        return _show(client, docker_host, archive, say, patience)


def _show(client: Client, docker_host: str, archive: Path, say: Say, patience: Patience) -> Shown:
    workstation = _workstation(client, docker_host, archive, say, patience)
    session = client.ask(LAUNCH, workstation=workstation)["sessionLaunch"]["session"]
    for update in client.follow(LAUNCHED, id=session["id"]):
        state = update["sessionUpdated"]["state"]
        say(f"session: {state.lower()}")
        if state == "RUNNING":
            return Shown(session["id"], session["workstationUrl"])
    raise Refused(f"The demo session did not start: {update['sessionUpdated']['reason']}")


def _workstation(client: Client, docker_host: str, archive: Path, say: Say, patience: Patience) -> str:
    found = client.ask(FIND, slug=SLUG)["workstation"]
    if found and found["activeImage"]:
        return str(found["id"])
    key = found["id"] if found else client.ask(CREATE, title=TITLE)["workstationCreate"]["workstation"]["id"]
    if not archive.exists():
        build(docker_host, archive, say, patience)
    _import(client, str(key), archive, say)
    return str(key)


def build(docker_host: str, archive: Path, say: Say, patience: Patience, name: str = "workstation") -> None:
    """Build an example image and save it as `docker save IMAGE | gzip` would."""
    say(f"building the example image {name} (once; up to a minute)")
    script = [sys.executable, str(EXAMPLES / "build_image.py"), name]
    words = [*script, "--docker-host", docker_host, "--output", str(archive)]
    last = ""
    with patience.program(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            last = line.strip()
            say(last)
        code = process.wait(BUILD_SECONDS)
    if code:
        raise Refused(f"The example image could not be built: {last}")


def _import(client: Client, workstation: str, archive: Path, say: Say) -> None:
    megabytes = archive.stat().st_size / 1e6
    say(f"uploading {archive.name} ({megabytes:.0f} MB)")
    announced: dict[str, Any] = client.ask(UPLOAD, name=archive.name)["uploadCreate"]
    client.put(announced["url"], archive)
    image = client.ask(IMPORT, workstation=workstation, upload=announced["upload"]["id"])["imageCreate"]["image"]
    for update in client.follow(IMPORTED, id=image["id"]):
        state, reason = update["imageUpdated"]["state"], update["imageUpdated"]["reason"]
        say(f"image: {state.lower()}")
        if state == "FAILED":
            raise Refused(f"The demo image was refused: {reason}")
