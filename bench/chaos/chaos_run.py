"""A chaos run on the fake engine: launches, stops and crashes while workers die or freeze and Redis is flushed."""

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
from bench.chaos.environment import ChaosEnvironment, ChaosSetup, Delivery, create_users, open_environment
from bench.chaos.faults import ENDS, ChaosPlan, Fault
from bench.chaos.functions import Functions, WakeServer
from bench.chaos.workers import Workers
from core.engine.fake.engine import FakeEngine
from core.engine.protocol import ContainerState
from jobs.context import session_id_of
from models.sessions.sessions import OCCUPYING, Session, SessionState

POLL_SECONDS = 0.1
CALL_SECONDS = 0.02
LEASE_SECONDS = 3.0


@dataclass
class Report:
    """Figures of a run and the violations that it found."""

    figures: dict[str, object] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


async def run(plan: ChaosPlan, folder: Path, database_url: str | None = None) -> Report:
    """Run the plan in a new environment in `folder` and report the violations."""
    random = Random(plan.seed)  # noqa: S311 - a repeatable run
    wake_server = WakeServer() if plan.with_functions else None
    async with answering(random) as port:
        docker_host = f"fake://{folder}/engine?port={port}&call_seconds={CALL_SECONDS}"
        setup = ChaosSetup(
            docker_host,
            f"chaos-{uuid4().hex[:8]}",
            plan.capacity,
            lease_seconds=LEASE_SECONDS,
            wake_server=wake_server.url if wake_server else None,
        )
        async with open_environment(folder, setup, database_url) as environment:
            workers = _start_workers(plan, environment, random, wake_server)
            return await _ChaosRun(plan, environment, FakeEngine(folder / "engine"), random, workers).run()


def _start_workers(
    plan: ChaosPlan, environment: ChaosEnvironment, random: Random, wake_server: WakeServer | None
) -> Workers | Functions:
    worker_random = Random(random.random())  # noqa: S311
    if wake_server:
        return Functions(environment.settings, plan.workers, worker_random, wake_server)
    return Workers(environment.settings, plan.workers, worker_random)


class _ChaosRun:
    """The state of one run."""

    def __init__(
        self,
        plan: ChaosPlan,
        environment: ChaosEnvironment,
        engine: FakeEngine,
        random: Random,
        workers: Workers | Functions,
    ) -> None:
        self._plan, self._environment, self._engine, self._random = plan, environment, engine, random
        self._workers = workers
        self._faults: dict[int, Fault] = {}
        self._pending: dict[int, Fault] = {}
        self._due: dict[int, float] = {}
        self._busiest = self._flushes = 0
        self._deliveries: list[Delivery] = []

    async def run(self) -> Report:
        began = time.monotonic()
        people = await create_users(self._plan.launches)
        self._workers.start()
        try:
            with suppress(TimeoutError):  # Whatever did not happen is reported below.
                await asyncio.wait_for(self._inject_faults(people), self._plan.max_seconds)
            injected = time.monotonic()
            found = await self._settle()
            settled = time.monotonic()
            codes = await self._workers.stop()
        finally:
            self._workers.end()
        # A worker that started just now has no signal handler yet, so the default action ends it.
        found += [f"a worker ended with {code} when asked to" for code in codes if code not in {0, -signal.SIGTERM}]
        return Report(await self._figures(injected - began, settled - injected), found)

    async def _inject_faults(self, people: list[int]) -> None:
        async with asyncio.TaskGroup() as group:
            launching = group.create_task(self._launch(people))
            group.create_task(self._disturb_workers())
            group.create_task(self._apply_faults(launching))

    async def _launch(self, people: list[int]) -> None:
        faults, self._deliveries = self._plan.faults(self._random), self._plan.deliveries(self._random)
        for number, (person, fault, delivery) in enumerate(zip(people, faults, self._deliveries, strict=True)):
            session = await self._environment.launch(person, delivery)
            self._faults[session.id] = self._pending[session.id] = fault
            await asyncio.sleep(self._random.uniform(0, 0.1))
            if number == self._plan.launches // 2:
                await self._flush()

    async def _flush(self) -> None:
        await self._environment.services.redis.flushall()
        self._flushes += 1

    async def _disturb_workers(self) -> None:
        """Kill and freeze workers at random moments."""
        actions = [self._kill] * self._plan.kills + [self._freeze] * self._plan.freezes
        self._random.shuffle(actions)
        for action in actions:
            await asyncio.sleep(self._random.uniform(0.5, 3.0))
            await action()
        await self._flush()

    async def _kill(self) -> None:
        self._workers.kill()

    async def _freeze(self) -> None:
        await self._workers.freeze(LEASE_SECONDS + 1)

    async def _apply_faults(self, launching: asyncio.Task[None]) -> None:
        """Apply the fault of every session when the session has reached the right state."""
        while not launching.done() or any(fault is not Fault.STAY for fault in self._pending.values()):
            states = {row.id: row.state for row in await Session.all().only("id", "state")}
            self._busiest = max(self._busiest, sum(state in OCCUPYING for state in states.values()))
            started = await self._started()
            for session_id, fault in list(self._pending.items()):
                if self._is_due(session_id, fault, states.get(session_id), started):
                    del self._pending[session_id]
                    await self._apply(session_id, fault)
            await asyncio.sleep(POLL_SECONDS)

    async def _started(self) -> set[int | None]:
        containers = await self._engine.list({})
        return {session_id_of(container.name) for container in containers if container.state is ContainerState.RUNNING}

    def _is_due(self, session_id: int, fault: Fault, state: SessionState | None, started: set[int | None]) -> bool:
        ready = {
            Fault.STAY: False,
            Fault.STOP_ANY_TIME: True,
            Fault.STOP_WHEN_RUNNING: state is SessionState.RUNNING,
            Fault.CRASH: session_id in started,
            Fault.VANISH: state is SessionState.RUNNING,
        }[fault]
        longest = 8.0 if fault is Fault.STOP_ANY_TIME else 1.0
        if ready and session_id not in self._due:
            self._due[session_id] = time.monotonic() + self._random.uniform(0, longest)
        return ready and time.monotonic() >= self._due[session_id]

    async def _apply(self, session_id: int, fault: Fault) -> None:
        name = f"{self._environment.settings.instance}-session-{session_id}"
        if fault is Fault.CRASH:
            await self._engine.crash(name, 9)
        elif fault is Fault.VANISH:
            await self._engine.remove(name)
        else:
            await self._environment.stop(session_id, Delivery.LOST if self._random.random() < 1 / 3 else Delivery.SENT)

    async def _settle(self) -> list[str]:
        """Wait until there is no violation, then check again after two sweeps."""
        deadline = time.monotonic() + self._plan.settle_seconds
        while await self._find_violations():
            if time.monotonic() > deadline:
                return await self._find_violations()
            await asyncio.sleep(POLL_SECONDS * 5)
        await asyncio.sleep(self._environment.settings.sweep_seconds * 2)
        return await self._find_violations()

    async def _find_violations(self) -> list[str]:
        expected = {session_id: ENDS[fault] for session_id, fault in self._faults.items()}
        engine = verdict.Engine(await self._engine.list({}), self._engine.creation_counts())
        found = await verdict.find_violations(expected, engine)
        if self._busiest > self._plan.capacity:
            found.append(f"{self._busiest} sessions ran with a capacity of {self._plan.capacity}")
        return found

    async def _figures(self, injected: float, settled: float) -> dict[str, object]:
        deliveries = Counter(self._deliveries)
        states = Counter(row.state for row in await Session.all().only("id", "state"))
        workers = "functions" if self._plan.with_functions else "workers"
        return {
            "seed": self._plan.seed,
            "launches": self._plan.launches,
            "of these never enqueued": deliveries[Delivery.LOST],
            "of these left to the relay": deliveries[Delivery.LEFT],
            "capacity": self._plan.capacity,
            "peak sessions": self._busiest,
            f"{workers} killed": self._workers.killed,
            f"{workers} frozen beyond their lease": self._workers.frozen,
            **({"calls of functions": self._workers.calls} if isinstance(self._workers, Functions) else {}),
            "Redis emptied": self._flushes,
            **{f"sessions {state}": count for state, count in sorted(states.items())},
            "containers created": sum(self._engine.creation_counts().values()),
            "tracebacks logged": self._workers.traceback_count(),
            "faults, seconds": round(injected, 1),
            "recovery, seconds": round(settled, 1),
        }
