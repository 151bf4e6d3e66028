"""The resident worker: from the queue to a running container and back, with everything real but the engine."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.engine import heartbeat
from core.engine.fake.engine import Behaviour
from core.settings import Settings
from jobs.periodic import CHORES, Cadence
from jobs.sessions.launch import session_launch
from jobs.worker import run, watch
from models.accounts.history import ActorKind
from models.data.uploads import Upload
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import users
from models.services.data import uploads
from models.services.sessions import sessions
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import Bench
from tests.waiting import eventually


@pytest.fixture
async def working(bench: Bench) -> AsyncIterator[asyncio.Task[None]]:
    """The worker of the bench's region."""
    task = asyncio.create_task(run(bench.runtime, bench.kernel.redis))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _is(bench: Bench, session: Session, state: SessionState) -> bool:
    return (await bench.read(session)).state is state


async def test_a_launch_becomes_running_and_a_stop_becomes_stopped(bench: Bench, working: asyncio.Task[None]) -> None:
    session = await bench.launch()
    await eventually(lambda: _is(bench, session, SessionState.RUNNING))
    assert len(await bench.engine.list(bench.runtime.labels)) == 1

    await sessions.request_stop(await bench.read(session), actor=SERVICE)

    await eventually(lambda: _is(bench, session, SessionState.STOPPED))
    assert await bench.engine.list({}) == []


async def test_a_launch_from_before_the_worker_is_found(bench: Bench) -> None:
    session = await bench.launch()
    await bench.kernel.redis.flushall()

    working = asyncio.create_task(run(bench.runtime, bench.kernel.redis))

    await eventually(lambda: _is(bench, session, SessionState.RUNNING))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_crash_is_noticed_and_the_place_goes_to_the_next(bench: Bench, working: asyncio.Task[None]) -> None:
    session = await bench.launch()
    await eventually(lambda: _is(bench, session, SessionState.RUNNING))

    await bench.engine.crash(bench.runtime.container_name(session), 3)

    await eventually(lambda: _is(bench, session, SessionState.FAILED))
    assert (await bench.read(session)).reason_code is Reason.CONTAINER_EXITED
    again = await bench.launch()
    await eventually(lambda: _is(bench, again, SessionState.RUNNING))


async def test_a_session_ends_at_its_time(bench: Bench, working: asyncio.Task[None]) -> None:
    session = await bench.launch()
    await eventually(lambda: _is(bench, session, SessionState.RUNNING))
    await Session.filter(id=session.id).update(expires_at=(await bench.read(session)).created_at)

    await bench.kernel.queue.enqueue("session_check", session.id, queue="carrel:local")

    await eventually(lambda: _is(bench, session, SessionState.EXPIRED))


async def test_an_engine_that_comes_late_is_waited_for(bench: Bench, working: asyncio.Task[None]) -> None:
    bench.engine.behaviour = Behaviour(dead=True)
    session = await bench.launch()
    await eventually(lambda: _is(bench, session, SessionState.STARTING))

    bench.engine.behaviour = Behaviour()

    await eventually(lambda: _is(bench, session, SessionState.RUNNING))


async def test_cancelling_the_worker_ends_it_and_leaves_the_containers(bench: Bench) -> None:
    working = asyncio.create_task(run(bench.runtime, bench.kernel.redis))
    session = await bench.launch()
    await eventually(lambda: _is(bench, session, SessionState.RUNNING))

    working.cancel()
    await asyncio.wait([working], timeout=10)

    assert working.done()
    assert len(await bench.engine.list(bench.runtime.labels)) == 1


async def test_who_only_follows_notices_a_death_and_runs_no_job(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    await bench.kernel.redis.flushall()
    person = await users.register("bob", None)
    actor = Actor(ActorKind.USER, person.id)
    waiting, _ = await sessions.launch(bench.image, bench.region, bench.kernel.settings, actor=actor)
    watching = asyncio.create_task(watch(bench.runtime, bench.kernel.redis))

    await bench.engine.crash(bench.runtime.container_name(session), 3)

    await eventually(lambda: _is(bench, session, SessionState.FAILED))
    assert (await bench.read(waiting)).state is SessionState.QUEUED
    assert await heartbeat.heard(bench.kernel.redis, ["local"]) == {"local": "up"}
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


def test_every_clean_up_has_a_name_and_a_pace() -> None:
    names = [chore.name for chore in CHORES]

    assert len(names) == len(set(names))
    assert {chore.cadence for chore in CHORES} == set(Cadence)
    settings = Settings(sweep_seconds=7)
    assert (Cadence.MINUTE.seconds(settings), Cadence.HOUR.seconds(settings)) == (7, 3600)


async def test_a_worker_does_the_hourly_ones_too(bench: Bench) -> None:
    upload = await uploads.create("old.tar.gz", actor=Actor.of(bench.principal))
    await Upload.filter(id=upload.id).update(expires_at=upload.expires_at - timedelta(days=30))

    working = asyncio.create_task(run(bench.runtime, bench.kernel.redis))

    await eventually(lambda: _gone(upload.id))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def _gone(upload_id: int) -> bool:
    return not await Upload.filter(id=upload_id).exists()
