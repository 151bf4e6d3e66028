"""Count the files and functions that the main requests and jobs enter: count_walks.py [--files | --write | --check].

Each walk is counted at its first run in a process of its own, so caches are cold. A call counts if its code lies in a
package of this project. `--files` lists the files; `--write` writes the figures into docs/architecture.md.
"""

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Self

from carrel.services import open_services
from core.engine.fake.engine import FakeEngine
from core.settings import Settings, load
from jobs.data.run_operation import dataoperation_run
from jobs.sessions.launch import session_launch
from jobs.worker import open_data_context
from models.data.dataoperations import DataOperation, DataOperationState
from models.permissions.principal import Actor
from models.services.accounts import authentication
from models.services.sessions import workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from schema.graphql.node import encode
from tests.schema import computing
from tests.schema.served import Served, served_api
from tests.services.databases import copy_sqlite, migrated_sqlite
from tests.services.redis import redis_server

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("carrel", "core", "jobs", "models", "operations", "proxy", "resolvers", "schema")
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- walks: begin (written by `python -m scripts.count_walks --write`) -->", "<!-- walks: end -->"
LAUNCH = "mutation($id: ID!) { sessionLaunch(workstationId: $id) { session { id state } errors { message } } }"
WAIT_SECONDS = 5
POLL_SECONDS = 0.02
WALKS = {
    "launch": "`sessionLaunch`, from HTTP to the job in Redis",
    "launch-job": "the launch job, to RUNNING",
    "operation": "`operationCreate`, from HTTP to the job in Redis",
    "operation-job": "the run of an operation, to SUCCEEDED",
}
BEFORE = {
    "launch": (62, 288, 418),
    "launch-job": (31, 130, 287),
    "operation": (69, 287, 530),
    "operation-job": (37, 216, 624),
}
"""Files, functions and changes of file before the tree was laid out by domain, by this counter."""


class Counter:
    """A profile function that counts entered files and functions, and how often a call changes the file."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.functions: set[CodeType] = set()
        self.changes = 0
        self._last = ""

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count one call event."""
        if event != "call" or frame.f_code.co_name == "<module>":
            return
        file = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
        if file.partition("/")[0] not in PACKAGES:
            return
        self.files.add(file)
        self.functions.add(frame.f_code)
        if file != self._last:
            self.changes, self._last = self.changes + 1, file

    def __enter__(self) -> Self:
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)


@contextmanager
def counted() -> Iterator[Counter]:
    """Count a walk on new threads, because a thread keeps the profile function of its start."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    with Counter() as counter:
        yield counter


def main() -> int:
    """Count all walks, each in a process of its own, or the one that is named; return the exit code."""
    named = [argument for argument in sys.argv[1:] if argument in WALKS]
    if named:
        with redis_server() as address, TemporaryDirectory(prefix="carrel-walks-") as folder:
            counter = asyncio.run(count(named[0], address, Path(folder)))
        print(len(counter.files), len(counter.functions), counter.changes, *sorted(counter.files))
        return 0
    found = {name: _count_apart(name) for name in WALKS}
    for name, (figures, files) in found.items():
        print(f"{WALKS[name]}: {figures[0]} files, {figures[1]} functions, {figures[2]} changes of file")
        if "--files" in sys.argv[1:]:
            print("".join(f"    {file}\n" for file in files), end="")
    if "--write" in sys.argv[1:]:
        PAGE.write_text(with_table(PAGE.read_text(), {name: figures for name, (figures, _) in found.items()}))
    return 0


def _count_apart(name: str) -> tuple[tuple[int, int, int], list[str]]:
    command = [sys.executable, "-m", "scripts.count_walks", name]
    words = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return (int(words[0]), int(words[1]), int(words[2])), words[3:]


def with_table(text: str, figures: dict[str, tuple[int, int, int]]) -> str:
    """Return the page with the table of the figures between its two markers."""
    rows = [
        f"| {WALKS[name]} | {' / '.join(map(str, BEFORE[name]))} | {' / '.join(map(str, figures[name]))} |"
        for name in WALKS
    ]
    head = ["| files / functions / changes of file | before | now |", "|---|---|---|"]
    table = "\n".join([BEGIN, "", *head, *rows, "", END])
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: table, text, flags=re.DOTALL)


async def count(walk: str, redis_url: str, folder: Path) -> Counter:
    """Prepare a fresh installation, and count one walk in it."""
    template = await asyncio.to_thread(migrated_sqlite, folder)
    settings = load(data_dir=folder, redis_url=redis_url, database_url=copy_sqlite(template, folder))
    if walk == "launch":
        async with served_api(settings) as served:
            return await _count_launch(served)
    if walk == "operation":
        async with served_api(settings) as served:
            session, files = await computing.create_datasession(served)
            with counted() as counter:
                await computing.run_median(served, "ada", session, files)
                await _has_sent(served)
            return counter
    return await (_count_launch_job if walk == "launch-job" else _count_operation_job)(settings)


async def _count_launch(served: Served) -> Counter:
    workstation = await _workstation(served)
    with counted() as counter:
        answer = await served.ask("ada", LAUNCH, id=encode("Workstation", workstation))
        await _has_sent(served)
    if answer.get("errors") or answer["data"]["sessionLaunch"]["errors"]:
        raise RuntimeError(f"The launch failed: {answer}")
    return counter


async def _workstation(served: Served) -> int:
    principal = await authentication.principal_for_user(served.users["ada"])
    workstation = await workstations.create("Viewer", actor=Actor.from_principal(principal))
    await Image.create(
        workstation=workstation, state=ImageState.READY, is_desired=True, reference="viewer:1", http_port=8080
    )
    return workstation.id


async def _has_sent(served: Served) -> None:
    """Wait until the job is in Redis."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not [key async for key in served.services.redis.scan_iter("arq:job:*")]:  # noqa: ASYNC110 - Redis has no event for a new job.
            await asyncio.sleep(POLL_SECONDS)


async def _count_launch_job(settings: Settings) -> Counter:
    async with served_api(settings) as served:
        await served.ask("ada", LAUNCH, id=encode("Workstation", await _workstation(served)))
    engine = FakeEngine()
    async with open_services(settings) as services:
        session, context = await Session.get(), {"region_context": services.region_context(engine)}
        with counted() as counter:
            await session_launch(context, session.id)
        await session.refresh_from_db()
    await engine.close()
    if session.state is not SessionState.RUNNING:
        raise RuntimeError(f"The session is {session.state}: {session.reason}")
    return counter


async def _count_operation_job(settings: Settings) -> Counter:
    async with served_api(settings) as served:
        datasession, files = await computing.create_datasession(served)
        await computing.run_median(served, "ada", datasession, files)
    async with (
        open_services(settings) as services,
        open_data_context(services.settings, services.storage) as data_context,
    ):
        operation = await DataOperation.get()
        with counted() as counter:
            await dataoperation_run({"data_context": data_context}, operation.id)
        await operation.refresh_from_db()
    if operation.state is not DataOperationState.SUCCEEDED:
        raise RuntimeError(f"The operation is {operation.state}: {operation.message}")
    return counter


if __name__ == "__main__":
    sys.exit(main())
