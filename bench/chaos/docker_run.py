"""The same promises on a real engine: a worker is killed in mid-launch, a container from outside, nothing is left."""

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
from bench.chaos.environment import House, Place, Post, open_house, readers
from bench.chaos.faults import ENDS, Fate
from bench.chaos.workers import Workers
from core.engine.factory import open_engine
from core.engine.protocol import Engine, EventAction
from jobs.context import Runtime
from models.sessions.sessions import LIVE, Session, SessionState
from tests.docker_service import docker_host, workstation_image

FATES = (Fate.STAY, Fate.CRASH, Fate.STOP_WHEN_RUNNING, Fate.STAY, Fate.STAY)
CAPACITY = 4
DOCKER = ["docker"]
WAIT_SECONDS = 45.0
LOOK_SECONDS = 0.1
LONGEST_LAUNCH = 0.5


async def run(folder: Path, seed: int) -> Report:
    """Launch five sessions, disturb them, compare, end them all, and see that the engine is as it was."""
    url, image = await asyncio.to_thread(docker_host), await asyncio.to_thread(workstation_image)
    place = Place(url, f"storm-{uuid4().hex[:8]}", CAPACITY, image, "desk/", lease_seconds=8, job_seconds=6)
    engine = open_engine(url)
    try:
        async with open_house(folder, place) as house:
            return await _Trial(house, engine, Random(seed)).run()  # noqa: S311 - a storm that can be repeated
    finally:
        await engine.close()
        await asyncio.to_thread(_docker, url, "network", "rm", f"{place.instance}-sessions")


def _docker(url: str | None, *words: str) -> None:
    subprocess.run([*DOCKER, "--host", str(url), *words], capture_output=True, timeout=30, check=False)


class _Trial:
    def __init__(self, house: House, engine: Engine, random: Random) -> None:
        self._house, self._engine, self._random = house, engine, random
        self._runtime: Runtime = house.runtime(engine)
        self._workers = Workers(house.settings, 1, random)
        self._fates: dict[int, Fate] = {}
        self._starts: Counter[str] = Counter()

    async def run(self) -> Report:
        began = time.monotonic()
        watching = asyncio.create_task(self._watch())
        self._workers.start()
        try:
            with suppress(TimeoutError):  # What did not come to pass is found below.
                await self._launch()
                await self._disturb()
            found = await self._settle(self._faults)
            found += await self._clear()
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._workers.end()
            for held in await self._engine.list(self._runtime.labels):
                await self._engine.remove(held.name)
        return Report(await self._figures(time.monotonic() - began), found)

    async def _watch(self) -> None:
        """Count how often a container of each name is started."""
        async for event in self._engine.events(self._runtime.labels, None):
            if event.action is EventAction.START:
                self._starts[event.name] += 1

    async def _launch(self) -> None:
        for number, (person, fate) in enumerate(zip(await readers(len(FATES)), FATES, strict=True)):
            session = await self._house.launch(person, Post.SENT if number % 3 else Post.LOST)
            self._fates[session.id] = fate
        await self._until(lambda: Session.filter(state=SessionState.STARTING).exists())
        await asyncio.sleep(self._random.uniform(0, LONGEST_LAUNCH))
        self._workers.kill()

    async def _disturb(self) -> None:
        for session_id, fate in self._fates.items():
            if fate is Fate.STAY:
                continue
            session = Session.filter(id=session_id, state=SessionState.RUNNING)
            await self._until(session.exists)
            if fate is Fate.CRASH:
                name = f"{self._house.settings.instance}-session-{session_id}"
                await asyncio.to_thread(_docker, self._house.settings.docker_host, "kill", name)
            else:
                await self._house.stop(session_id)

    async def _faults(self) -> list[str]:
        expected = {session_id: ENDS[fate] for session_id, fate in self._fates.items()}
        containers = await self._engine.list(self._runtime.labels)
        return await verdict.faults(expected, verdict.Engine(containers, self._starts))

    async def _clear(self) -> list[str]:
        """End all sessions; no container may be left."""
        for session in await Session.filter(state=SessionState.RUNNING):
            await self._house.stop(session.id)
        return await self._settle(self._remnants)

    async def _remnants(self) -> list[str]:
        live = [f"session {row.id} does not end" for row in await Session.filter(state__in=list(LIVE))]
        return live + [f"{held.name} is left" for held in await self._engine.list(self._runtime.labels)]

    async def _settle(self, look: Callable[[], Awaitable[list[str]]]) -> list[str]:
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := await look()) and time.monotonic() < deadline:  # noqa: ASYNC110 - as below
            await asyncio.sleep(LOOK_SECONDS * 5)
        return found

    async def _until(self, look: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not await look():  # noqa: ASYNC110 - other processes change the rows
                await asyncio.sleep(LOOK_SECONDS)

    async def _figures(self, seconds: float) -> dict[str, object]:
        states = Counter(row.state for row in await Session.all().only("id", "state"))
        return {
            "launches": len(self._fates),
            "places": CAPACITY,
            "workers killed in mid-launch": self._workers.killed,
            "containers started": sum(self._starts.values()),
            **{f"sessions {state}": count for state, count in sorted(states.items())},
            "tracebacks logged": self._workers.complaints(),
            "seconds": round(seconds, 1),
        }
