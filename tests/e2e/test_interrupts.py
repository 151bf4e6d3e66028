"""Ctrl-C stops `carrel up` in bounded time and removes everything, at any moment and after any failure."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import docker
import httpx2 as httpx
import pytest
from websockets.asyncio.client import connect

from core.settings import Settings, load
from tests.e2e import documents
from tests.e2e.installation import CARREL, environment, free_port, remove_instance
from tests.waiting import eventually

BOUND_SECONDS = 40.0
QUICK_SECONDS = 12.0
"""How long it takes at most where nothing has failed; on an idle machine it is one or two seconds."""
START_SECONDS = 90.0
FOLLOW = "subscription { mySessions { id state } }"


class InterruptibleSocket:
    """A proxy socket of the engine that can refuse connections or stop responding."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path, self.engine = path, engine
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._pass, self.path)

    async def cut(self) -> None:
        """Refuse new connections and close the existing ones."""
        if self._server is not None:
            self._server.close()
        self.path.unlink(missing_ok=True)
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def hold(self) -> None:
        """Accept connections and bytes without a response."""
        self._flows.clear()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        theirs, mine = await asyncio.open_unix_connection(self.engine.removeprefix("unix://"))
        try:
            await asyncio.gather(self._copy(reader, mine), self._copy(theirs, writer))
        except (OSError, asyncio.CancelledError):
            pass  # It was cut, or one side has left.
        finally:
            self._passing.discard(task)
            for end in (writer, mine):
                end.transport.abort()
            for end in (writer, mine):
                with suppress(OSError):
                    await end.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@dataclass
class Machine:
    """A machine that runs `carrel up`."""

    settings: Settings
    socket: InterruptibleSocket
    engine: docker.APIClient
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        return self.running[-1]

    @property
    def log(self) -> Path:
        return self.settings.data_dir / "up.log"

    @property
    def facts(self) -> dict[str, str]:
        """The content of the file for scripts; empty before it is up."""
        with suppress(FileNotFoundError):
            return dict(json.loads((self.settings.data_dir / "up.json").read_text()))
        return {}

    def start(self) -> None:
        with self.log.open("wb") as output:
            self.running.append(
                subprocess.Popen(
                    [CARREL, "up"],
                    env=environment(self.settings),
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    async def up(self) -> None:
        self.start()
        await eventually(lambda: self.facts or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.log.read_text()

    async def interrupt(self, within: float = BOUND_SECONDS) -> float:
        """Send Ctrl-C and return the seconds until the process has ended."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        await eventually(lambda: self.process.poll() is not None, within)
        return time.monotonic() - begun

    def containers(self) -> list[str]:
        found = self.engine.containers(all=True, filters={"label": f"carrel.instance={self.settings.instance}"})
        return [container["Names"][0] for container in found]

    def redis(self) -> int:
        """The process id of the private Redis."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
                if name.startswith("redis") and int(rest.split()[1]) == self.process.pid:
                    return int(stat.parent.name)
        raise AssertionError("It has no Redis.")

    async def ask(self, query: str, **variables: object) -> dict[str, object]:
        body = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {self.facts['token']}"}
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            answer = await http.post(self.facts["graphql"], json=body, headers=headers)
        found: dict[str, object] = answer.json()
        return found


@contextmanager
def _machine(docker_host: str, data_dir: Path, archive: Path) -> Iterator[Machine]:
    (data_dir / "workstation.tar.gz").symlink_to(archive)
    socket = InterruptibleSocket(data_dir / "engine.sock", docker_host)
    settings = load(
        data_dir=data_dir,
        docker_host=f"unix://{socket.path}",
        instance=f"int-{uuid4().hex[:8]}",
        api_url=f"http://127.0.0.1:{free_port()}",
        sessions_url=f"http://sessions.localhost:{free_port()}",
        health_port=0,
        sweep_seconds=2,
    )
    engine = docker.APIClient(docker_host)
    machine = Machine(settings, socket, engine)
    yield machine
    for process in machine.running:
        if process.poll() is None:
            process.kill()
            process.wait()
    remove_instance(engine, settings.instance)
    engine.close()


@pytest.fixture
async def machine(docker_host: str, data_dir: Path, archive: Path) -> AsyncIterator[Machine]:
    """A machine with free ports, the demo's archive, and an engine behind an interruptible socket."""
    with _machine(docker_host, data_dir, archive) as machine:
        await machine.socket.start()
        yield machine
        await machine.socket.cut()


@pytest.mark.parametrize("seconds", [0.2, 0.7, 1.2, 1.6, 2.0, 2.5, 3.2, 4.5])
async def test_interrupt_during_start_ends_at_once(machine: Machine, seconds: float) -> None:
    machine.start()
    begun = time.monotonic()
    await eventually(lambda: time.monotonic() - begun > seconds, seconds + 5)

    await machine.interrupt(QUICK_SECONDS)

    assert machine.containers() == []
    assert not (machine.settings.data_dir / "up.json").exists()


async def test_interrupted_launch_leaves_no_container(machine: Machine) -> None:
    await machine.up()
    found = await machine.ask(documents.STOP, id=machine.facts["sessionId"])
    assert "errors" not in found
    who = await machine.ask("{ workstations { nodes { id } } }")
    workstation = who["data"]["workstations"]["nodes"][0]["id"]  # type: ignore[index]
    launch = "mutation($id: ID!) { sessionLaunch(workstationId: $id) { session { state } errors { message } } }"
    await asyncio.gather(machine.ask(launch, id=workstation), eventually(lambda: len(machine.containers()) > 0))

    assert await machine.interrupt(QUICK_SECONDS) < QUICK_SECONDS

    assert (machine.process.returncode, machine.containers()) == (0, [])


async def _kill_redis(machine: Machine) -> None:
    os.kill(machine.redis(), signal.SIGKILL)


async def _freeze_redis(machine: Machine) -> None:
    os.kill(machine.redis(), signal.SIGSTOP)


FAILURES: dict[str, Callable[[Machine], Awaitable[None]]] = {"killed": _kill_redis, "frozen": _freeze_redis}


@pytest.mark.parametrize("failure", FAILURES)
async def test_sessions_are_stopped_without_redis(machine: Machine, failure: str) -> None:
    await machine.up()
    assert len(machine.containers()) == 1

    await FAILURES[failure](machine)
    await machine.interrupt()

    assert (machine.process.returncode, machine.containers()) == (0, []), machine.log.read_text()


@pytest.mark.parametrize("how", ["cut", "hold"])
async def test_next_start_cleans_up_after_lost_engine(machine: Machine, how: str) -> None:
    await machine.up()
    before = machine.containers()

    await getattr(machine.socket, how)()
    await machine.interrupt()

    assert machine.process.returncode == 0, machine.log.read_text()
    assert machine.containers() == before, "no process could stop it"
    await machine.socket.cut()
    machine.socket = InterruptibleSocket(machine.socket.path, machine.socket.engine)
    await machine.socket.start()
    await machine.up()
    lease = machine.settings.lease_seconds  # A claim that was cut off is taken over when its lease is over.
    await eventually(lambda: before[0] not in machine.containers(), lease + 30)
    await machine.interrupt(QUICK_SECONDS)
    assert machine.containers() == []


async def test_connected_clients_do_not_delay_the_end(machine: Machine) -> None:
    await machine.up()
    facts = machine.facts
    headers = {"Authorization": f"Bearer {facts['token']}"}
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(
            connect(
                f"ws{facts['graphql'].removeprefix('http')}",
                subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
                additional_headers=headers,
            )
        )
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}))
        assert "RUNNING" in str(await socket.recv())
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        body = {"query": FOLLOW}
        stream = await stack.enter_async_context(
            http.stream("POST", facts["graphql"], json=body, headers={**headers, "Accept": "text/event-stream"})
        )
        assert stream.status_code == 200
        host = facts["sessionUrl"].split("/")[2]
        tunnel = await stack.enter_async_context(
            connect(
                f"ws://{host}/mlab4d4c4142/echo",
                host="127.0.0.1",
                additional_headers=headers,
                proxy=None,
            )
        )
        await tunnel.send("still here")
        assert "still here" in str(await tunnel.recv())
        idle = await asyncio.open_connection("127.0.0.1", int(host.rpartition(":")[2]))
        stack.callback(idle[1].close)
        half = await asyncio.open_connection("127.0.0.1", int(facts["graphql"].split(":")[2].split("/")[0]))
        half[1].write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        stack.callback(half[1].close)

        await machine.interrupt()

    assert (machine.process.returncode, machine.containers()) == (0, []), machine.log.read_text()
