"""A chaos run on Docker: kills a worker during a launch and a container from outside; nothing may be left."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import uuid4

from bench.chaos import verdict
from bench.chaos.chaos_run import Report
from bench.chaos.environment import ChaosEnvironment, ChaosSetup, Delivery, create_users, open_environment
from bench.chaos.faults import ENDS, Fault
from bench.chaos.workers import Workers
from core.engine.factory import open_engine
from core.engine.protocol import Engine, EventAction
from jobs.context import RegionContext
from models.sessions.sessions import LIVE, Session, SessionState
from tests.docker_service import docker_host, workstation_image

FAULTS = (Fault.STAY, Fault.CRASH, Fault.STOP_WHEN_RUNNING, Fault.STAY, Fault.STAY)
CAPACITY = 4
DOCKER = ["docker"]
WAIT_SECONDS = 45.0
POLL_SECONDS = 0.1
MAX_LAUNCH_SECONDS = 0.5


async def run(folder: Path, seed: int) -> Report:
    """Launch sessions, inject faults, check the outcome, end all sessions and check that no container is left."""
    url, image = await asyncio.to_thread(docker_host), await asyncio.to_thread(workstation_image)
    setup = ChaosSetup(url, f"chaos-{uuid4().hex[:8]}", CAPACITY, image, "app/", lease_seconds=8, job_seconds=6)
    engine = open_engine(url)
    try:
        async with open_environment(folder, setup) as environment:
            return await _DockerRun(environment, engine, Random(seed)).run()  # noqa: S311 - a repeatable run
    finally:
        await engine.close()
        await asyncio.to_thread(_docker, url, "network", "rm", f"{setup.instance}-sessions")


def _docker(url: str | None, *words: str) -> None:
    subprocess.run([*DOCKER, "--host", str(url), *words], capture_output=True, timeout=30, check=False)


class _DockerRun:
    def __init__(self, environment: ChaosEnvironment, engine: Engine, random: Random) -> None:
        self._environment, self._engine, self._random = environment, engine, random
        self._region_context: RegionContext = environment.region_context(engine)
        self._workers = Workers(environment.settings, 1, random)
        self._faults: dict[int, Fault] = {}
        self._starts: Counter[str] = Counter()

    async def run(self) -> Report:
        began = time.monotonic()
        watching = asyncio.create_task(self._watch())
        self._workers.start()
        try:
            with suppress(TimeoutError):  # Whatever did not happen is reported below.
                await self._launch()
                await self._disturb_workers()
            found = await self._settle(self._find_violations)
            found += await self._clear()
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._workers.end()
            for container in await self._engine.list(self._region_context.labels):
                await self._engine.remove(container.name)
        return Report(await self._figures(time.monotonic() - began), found)

    async def _watch(self) -> None:
        """Count the starts of each container name."""
        async for event in self._engine.events(self._region_context.labels, None):
            if event.action is EventAction.START:
                self._starts[event.name] += 1

    async def _launch(self) -> None:
        for number, (person, fault) in enumerate(zip(await create_users(len(FAULTS)), FAULTS, strict=True)):
            session = await self._environment.launch(person, Delivery.SENT if number % 3 else Delivery.LOST)
            self._faults[session.id] = fault
        await self._until(lambda: Session.filter(state=SessionState.STARTING).exists())
        await asyncio.sleep(self._random.uniform(0, MAX_LAUNCH_SECONDS))
        self._workers.kill()

    async def _disturb_workers(self) -> None:
        for session_id, fault in self._faults.items():
            if fault is Fault.STAY:
                continue
            session = Session.filter(id=session_id, state=SessionState.RUNNING)
            await self._until(session.exists)
            if fault is Fault.CRASH:
                name = f"{self._environment.settings.instance}-session-{session_id}"
                await asyncio.to_thread(_docker, self._environment.settings.docker_host, "kill", name)
            else:
                await self._environment.stop(session_id)

    async def _find_violations(self) -> list[str]:
        expected = {session_id: ENDS[fault] for session_id, fault in self._faults.items()}
        containers = await self._engine.list(self._region_context.labels)
        return await verdict.find_violations(expected, verdict.Engine(containers, self._starts))

    async def _clear(self) -> list[str]:
        """End all sessions; no container may be left."""
        for session in await Session.filter(state=SessionState.RUNNING):
            await self._environment.stop(session.id)
        return await self._settle(self._leftovers)

    async def _leftovers(self) -> list[str]:
        live = [f"session {row.id} does not end" for row in await Session.filter(state__in=list(LIVE))]
        return live + [
            f"{container.name} is left" for container in await self._engine.list(self._region_context.labels)
        ]

    async def _settle(self, check: Callable[[], Awaitable[list[str]]]) -> list[str]:
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := await check()) and time.monotonic() < deadline:  # noqa: ASYNC110 - as below
            await asyncio.sleep(POLL_SECONDS * 5)
        return found

    async def _until(self, check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not await check():  # noqa: ASYNC110 - other processes change the rows
                await asyncio.sleep(POLL_SECONDS)

    async def _figures(self, seconds: float) -> dict[str, object]:
        states = Counter(row.state for row in await Session.all().only("id", "state"))
        return {
            "launches": len(self._faults),
            "capacity": CAPACITY,
            "workers killed in mid-launch": self._workers.killed,
            "containers started": sum(self._starts.values()),
            **{f"sessions {state}": count for state, count in sorted(states.items())},
            "tracebacks logged": self._workers.traceback_count(),
            "seconds": round(seconds, 1),
        }
