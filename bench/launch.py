"""Measures a launch: from the mutation to the first 200 through the proxy, beside a bare `docker run`.

Run `python -m bench.launch [--rounds 8]`. Both start the same image on the same engine, on the same network and under
the same limits, in turn; the figures are medians of the rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

from bench.ports import free_port
from carrel.client import Client
from carrel.demo import FIND, LAUNCH, LAUNCHED, SLUG
from tests.docker_service import docker_host, workstation_archive, workstation_image

STOP = """mutation($id: ID!) { sessionStop(id: $id) { session { id } errors { message } } }"""
OPEN = """mutation($id: ID!) { sessionOpen(id: $id) { url errors { message } } }"""
COMMAND = [sys.executable, "-c", "from carrel.cli import main; main()", "up"]
ROOT = Path(__file__).resolve().parents[1]
UP_SECONDS = 180.0
ANSWER_SECONDS = 60.0
POLL_SECONDS = 0.005
PATH = "/app/"
DOCKER = ["docker"]
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Running:
    """A Carrel that is up."""

    client: Client
    proxy: str
    workstation: str
    session: str
    instance: str


@contextmanager
def carrel_up(folder: Path, engine: str) -> Iterator[Running]:
    """Run `carrel up` in `folder` until the end; its example image is imported when it is yielded."""
    shutil.copyfile(workstation_archive(), folder / "workstation.tar.gz")
    instance = f"bench-{uuid4().hex[:8]}"
    environment = os.environ | {
        "CARREL_DATA_DIR": str(folder),
        "CARREL_API_URL": f"http://127.0.0.1:{free_port()}",
        "CARREL_SESSIONS_URL": f"http://sessions.localhost:{free_port()}",
        "CARREL_HEALTH_PORT": "0",
        "CARREL_INSTANCE": instance,
        "DOCKER_HOST": engine,
    }
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        facts = _facts(folder, process)
        client = Client(facts["graphql"], facts["token"])
        workstation = client.ask(FIND, slug=SLUG)["workstation"]["id"]
        yield Running(client, facts["proxy"], workstation, facts["sessionId"], instance)
    finally:
        process.terminate()
        process.wait(60)


def _facts(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + UP_SECONDS
    while not (folder / "up.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((folder / "up.log").read_text()[-2000:])
        time.sleep(0.1)
    facts: dict[str, str] = json.loads((folder / "up.json").read_text())
    if not facts["sessionId"]:
        raise RuntimeError((folder / "up.log").read_text()[-2000:])
    return facts


def launch(running: Running, figures: Figures) -> str:
    """Launch a session as a browser's page would, and enter it; return its id."""
    began = time.perf_counter()
    asked = running.client.ask(LAUNCH, workstation=running.workstation)["sessionLaunch"]["session"]
    figures["carrel: mutation answered"].append(time.perf_counter() - began)
    for update in running.client.follow(LAUNCHED, id=asked["id"]):
        if update["sessionUpdated"]["state"] == "RUNNING":
            break
    else:
        raise RuntimeError(f"The session did not start: {update}")
    figures["carrel: running, by subscription"].append(time.perf_counter() - began)
    _enter(running, running.client.ask(OPEN, id=asked["id"])["sessionOpen"]["url"])
    figures["carrel: first 200 through the proxy"].append(time.perf_counter() - began)
    return str(asked["id"])


def _enter(running: Running, ticket_url: str) -> None:
    """Go through the proxy's door with the ticket, and fetch the first page with the cookie it gives."""
    parts = urlsplit(ticket_url)
    port = urlsplit(running.proxy).port or 80
    status, cookie = _get(port, f"{parts.path}?{parts.query}", {"Host": parts.netloc})
    page, _ = _get(port, PATH, {"Host": parts.netloc, "Cookie": cookie.partition(";")[0]})
    if status != 303 or page != 200:
        raise RuntimeError(f"The proxy answered {status} at the door and {page} inside.")


def _get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Set-Cookie") or ""
    finally:
        connection.close()


def end(running: Running, session: str) -> None:
    """Stop the session and wait for its end, so that rounds do not disturb one another."""
    running.client.ask(STOP, id=session)
    for _ in running.client.follow(LAUNCHED, id=session):
        pass


def bare(engine: str, image: str, network: str, figures: Figures) -> None:
    """Do what a person without Carrel does: `docker run`, then ask until the page comes."""
    name, port = f"bare-{uuid4().hex[:8]}", free_port()
    docker = [*DOCKER, "--host", engine]
    limits = ["--memory", "2g", "--memory-swap", "2g", "--cpus", "1", "--pids-limit", "256", "--init"]
    limits += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--no-healthcheck"]
    where = ["--network", network, "--publish", f"127.0.0.1:{port}:8080", "--publish", f"127.0.0.1:{free_port()}:4114"]
    ports = ["--env", "CARREL_HTTP_PORT=8080", "--env", "CARREL_WEBSOCKET_PORT=4114"]
    try:
        began = time.perf_counter()
        subprocess.run(
            [*docker, "run", "--detach", "--name", name, *limits, *where, *ports, image],
            check=True,
            capture_output=True,
        )
        figures["docker run: returned"].append(time.perf_counter() - began)
        _until_answered(port)
        figures["docker run: first 200"].append(time.perf_counter() - began)
    finally:
        subprocess.run([*docker, "rm", "--force", name], check=False, capture_output=True)


def _until_answered(port: int) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            if _get(port, PATH)[0] == 200:
                return
        except (OSError, HTTPException):
            pass
        if time.monotonic() > deadline:
            raise RuntimeError("The bare container does not answer.")
        time.sleep(POLL_SECONDS)


def measure(rounds: int) -> Figures:
    """Return the seconds of every round, the two ways taking turns in being first."""
    engine, image = docker_host(), workstation_image()
    figures: Figures = defaultdict(list)
    with TemporaryDirectory(prefix="carrel-bench-") as folder, carrel_up(Path(folder), engine) as running:
        end(running, running.session)
        network = f"{running.instance}-sessions"
        ways: list[Callable[[], None]] = [
            lambda: end(running, launch(running, figures)),
            lambda: bare(engine, image, network, figures),
        ]
        for number in range(rounds):
            for way in ways if number % 2 else reversed(ways):
                way()
    subprocess.run([*DOCKER, "--host", engine, "network", "rm", network], check=False, capture_output=True)
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.launch", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8, help="of both ways (8)")
    medians = {}
    for name, seconds in measure(parser.parse_args().rounds).items():
        medians[name] = statistics.median(seconds)
        print(f"{name:38}{medians[name] * 1000:7.0f} ms ({min(seconds) * 1000:.0f}-{max(seconds) * 1000:.0f})")
    plain = medians["docker run: first 200"]
    for name in ("carrel: running, by subscription", "carrel: first 200 through the proxy"):
        print(f"{name} / docker run: first 200 = {medians[name] / plain:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
