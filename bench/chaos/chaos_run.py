"""The storm on the fake engine: launches, stops and crashes while workers die, freeze and Redis forgets."""

import asyncio
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import uuid4

from bench.chaos import verdict
from bench.chaos.container_server import answering
from bench.chaos.environment import House, Place, Post, open_house, readers
from bench.chaos.faults import ENDS, Fate, Storm
from bench.chaos.functions import Belfry, Functions
from bench.chaos.workers import Workers
from core.engine.fake.engine import FakeEngine
from core.engine.protocol import ContainerState
from jobs.context import session_id_of
from models.sessions.sessions import OCCUPYING, Session, SessionState

LOOK_SECONDS = 0.1
CALL_SECONDS = 0.02
LEASE_SECONDS = 3.0


@dataclass
class Report:
    """What a storm did, and what it broke."""

    figures: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


async def run(storm: Storm, folder: Path, database_url: str | None = None) -> Report:
    """Let the storm pass over a house of its own in `folder`, and say what it found afterwards."""
    random = Random(storm.seed)  # noqa: S311 - a storm that can be repeated
    belfry = Belfry() if storm.with_functions else None
    async with answering(random) as port:
        where = f"fake://{folder}/engine?port={port}&call_seconds={CALL_SECONDS}"
        place = Place(
            where,
            f"storm-{uuid4().hex[:8]}",
            storm.capacity,
            lease_seconds=LEASE_SECONDS,
            belfry=belfry.url if belfry else None,
        )
        async with open_house(folder, place, database_url) as house:
            crew = _crew(storm, house, random, belfry)
            return await _Weather(storm, house, FakeEngine(folder / "engine"), random, crew).pass_over()


def _crew(storm: Storm, house: House, random: Random, belfry: Belfry | None) -> Workers | Functions:
    luck = Random(random.random())  # noqa: S311
    if belfry:
        return Functions(house.settings, storm.workers, luck, belfry)
    return Workers(house.settings, storm.workers, luck)


class _Weather:
    """One storm while it blows."""

    def __init__(
        self, storm: Storm, house: House, engine: FakeEngine, random: Random, crew: Workers | Functions
    ) -> None:
        self._storm, self._house, self._engine, self._random = storm, house, engine, random
        self._workers = crew
        self._fates: dict[int, Fate] = {}
        self._pending: dict[int, Fate] = {}
        self._due: dict[int, float] = {}
        self._busiest = self._flushes = 0
        self._posts: list[Post] = []

    async def pass_over(self) -> Report:
        began = time.monotonic()
        people = await readers(self._storm.launches)
        self._workers.start()
        try:
            with suppress(TimeoutError):  # What did not come to pass is found below.
                await asyncio.wait_for(self._blow(people), self._storm.longest_seconds)
            blown = time.monotonic()
            found = await self._settle()
            settled = time.monotonic()
            codes = await self._workers.stop()
        finally:
            self._workers.end()
        # One that was started just now may not listen to signals yet, and ends by the system's own hand.
        found += [f"a worker ended with {code} when asked to" for code in codes if code not in {0, -signal.SIGTERM}]
        return Report(await self._figures(blown - began, settled - blown), found)

    async def _blow(self, people: list[int]) -> None:
        async with asyncio.TaskGroup() as group:
            launching = group.create_task(self._launch(people))
            group.create_task(self._disturb())
            group.create_task(self._fulfil(launching))

    async def _launch(self, people: list[int]) -> None:
        fates, self._posts = self._storm.fates(self._random), self._storm.posts(self._random)
        for number, (person, fate, post) in enumerate(zip(people, fates, self._posts, strict=True)):
            session = await self._house.launch(person, post)
            self._fates[session.id] = self._pending[session.id] = fate
            await asyncio.sleep(self._random.uniform(0, 0.1))
            if number == self._storm.launches // 2:
                await self._flush()

    async def _flush(self) -> None:
        await self._house.kernel.redis.flushall()
        self._flushes += 1

    async def _disturb(self) -> None:
        """Kill and freeze workers at random moments."""
        acts = [self._kill] * self._storm.kills + [self._freeze] * self._storm.freezes
        self._random.shuffle(acts)
        for act in acts:
            await asyncio.sleep(self._random.uniform(0.5, 3.0))
            await act()
        await self._flush()

    async def _kill(self) -> None:
        self._workers.kill()

    async def _freeze(self) -> None:
        await self._workers.freeze(LEASE_SECONDS + 1)

    async def _fulfil(self, launching: asyncio.Task[None]) -> None:
        """Let happen to every session what is to happen, each in its state and time."""
        while not launching.done() or any(fate is not Fate.STAY for fate in self._pending.values()):
            states = {row.id: row.state for row in await Session.all().only("id", "state")}
            self._busiest = max(self._busiest, sum(state in OCCUPYING for state in states.values()))
            started = await self._started()
            for session_id, fate in list(self._pending.items()):
                if self._is_due(session_id, fate, states.get(session_id), started):
                    del self._pending[session_id]
                    await self._act(session_id, fate)
            await asyncio.sleep(LOOK_SECONDS)

    async def _started(self) -> set[int | None]:
        containers = await self._engine.list({})
        return {session_id_of(held.name) for held in containers if held.state is ContainerState.RUNNING}

    def _is_due(self, session_id: int, fate: Fate, state: SessionState | None, started: set[int | None]) -> bool:
        ready = {
            Fate.STAY: False,
            Fate.STOP_ANY_TIME: True,
            Fate.STOP_WHEN_RUNNING: state is SessionState.RUNNING,
            Fate.CRASH: session_id in started,
            Fate.VANISH: state is SessionState.RUNNING,
        }[fate]
        longest = 8.0 if fate is Fate.STOP_ANY_TIME else 1.0
        if ready and session_id not in self._due:
            self._due[session_id] = time.monotonic() + self._random.uniform(0, longest)
        return ready and time.monotonic() >= self._due[session_id]

    async def _act(self, session_id: int, fate: Fate) -> None:
        name = f"{self._house.settings.instance}-session-{session_id}"
        if fate is Fate.CRASH:
            await self._engine.crash(name, 9)
        elif fate is Fate.VANISH:
            await self._engine.remove(name)
        else:
            await self._house.stop(session_id, Post.LOST if self._random.random() < 1 / 3 else Post.SENT)

    async def _settle(self) -> list[str]:
        """Wait until nothing is wrong any more, and see that it stays so for two sweeps."""
        deadline = time.monotonic() + self._storm.settle_seconds
        while await self._faults():
            if time.monotonic() > deadline:
                return await self._faults()
            await asyncio.sleep(LOOK_SECONDS * 5)
        await asyncio.sleep(self._house.settings.sweep_seconds * 2)
        return await self._faults()

    async def _faults(self) -> list[str]:
        expected = {session_id: ENDS[fate] for session_id, fate in self._fates.items()}
        engine = verdict.Engine(await self._engine.list({}), self._engine.creates())
        found = await verdict.faults(expected, engine)
        if self._busiest > self._storm.capacity:
            found.append(f"{self._busiest} sessions had a place where there are {self._storm.capacity}")
        return found

    async def _figures(self, blown: float, settled: float) -> dict[str, object]:
        posts = Counter(self._posts)
        states = Counter(row.state for row in await Session.all().only("id", "state"))
        crew = "functions" if self._storm.with_functions else "workers"
        return {
            "seed": self._storm.seed,
            "launches": self._storm.launches,
            "of these never enqueued": posts[Post.LOST],
            "of these left to the relay": posts[Post.LEFT],
            "places": self._storm.capacity,
            "places taken at most": self._busiest,
            f"{crew} killed": self._workers.killed,
            f"{crew} frozen beyond their lease": self._workers.frozen,
            **({"calls of functions": self._workers.calls} if isinstance(self._workers, Functions) else {}),
            "Redis emptied": self._flushes,
            **{f"sessions {state}": count for state, count in sorted(states.items())},
            "containers ever made": sum(self._engine.creates().values()),
            "tracebacks logged": self._workers.complaints(),
            "storm, seconds": round(blown, 1),
            "until all was well, seconds": round(settled, 1),
        }
