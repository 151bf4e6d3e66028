"""The worker: from the queue to a running container and back, over real services and a fake engine."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.engine import heartbeat
from core.engine.fake.engine import FaultProfile
from jobs.sessions.launch import session_launch
from jobs.worker import run, watch
from models.accounts.history import ActorKind
from models.data.uploads import Upload
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import users
from models.services.data import uploads
from models.services.sessions import sessions
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually


@pytest.fixture
async def working(job_env: JobEnv) -> AsyncIterator[asyncio.Task[None]]:
    """A running worker of the region."""
    task = asyncio.create_task(run(job_env.region_context, job_env.services.redis))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _is(job_env: JobEnv, session: Session, state: SessionState) -> bool:
    return (await job_env.read(session)).state is state


async def test_worker_launches_and_stops_session(job_env: JobEnv, working: asyncio.Task[None]) -> None:
    session = await job_env.launch()
    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))
    assert len(await job_env.engine.list(job_env.region_context.labels)) == 1

    await sessions.request_stop(await job_env.read(session), actor=SERVICE)

    await eventually(lambda: _is(job_env, session, SessionState.STOPPED))
    assert await job_env.engine.list({}) == []


async def test_job_queued_before_worker_start_is_run(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await job_env.services.redis.flushall()

    working = asyncio.create_task(run(job_env.region_context, job_env.services.redis))

    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_crash_is_noticed_and_frees_slot(job_env: JobEnv, working: asyncio.Task[None]) -> None:
    session = await job_env.launch()
    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))

    await job_env.engine.crash(job_env.region_context.container_name(session), 3)

    await eventually(lambda: _is(job_env, session, SessionState.FAILED))
    assert (await job_env.read(session)).reason_code is Reason.CONTAINER_EXITED
    again = await job_env.launch()
    await eventually(lambda: _is(job_env, again, SessionState.RUNNING))


async def test_session_expires_on_time(job_env: JobEnv, working: asyncio.Task[None]) -> None:
    session = await job_env.launch()
    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))
    await Session.filter(id=session.id).update(expires_at=(await job_env.read(session)).created_at)

    await job_env.services.queue.enqueue("session_check", session.id, queue="carrel:local")

    await eventually(lambda: _is(job_env, session, SessionState.EXPIRED))


async def test_worker_waits_for_late_engine(job_env: JobEnv, working: asyncio.Task[None]) -> None:
    job_env.engine.faults = FaultProfile(unreachable=True)
    session = await job_env.launch()
    await eventually(lambda: _is(job_env, session, SessionState.STARTING))

    job_env.engine.faults = FaultProfile()

    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))


async def test_cancelled_worker_leaves_containers_running(job_env: JobEnv) -> None:
    working = asyncio.create_task(run(job_env.region_context, job_env.services.redis))
    session = await job_env.launch()
    await eventually(lambda: _is(job_env, session, SessionState.RUNNING))

    working.cancel()
    await asyncio.wait([working], timeout=10)

    assert working.done()
    assert len(await job_env.engine.list(job_env.region_context.labels)) == 1


async def test_follow_only_notices_exit_and_runs_no_job(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    await job_env.services.redis.flushall()
    person = await users.register("bob", None)
    actor = Actor(ActorKind.USER, person.id)
    waiting, _ = await sessions.launch(job_env.image, job_env.region, job_env.services.settings, actor=actor)
    watching = asyncio.create_task(watch(job_env.region_context, job_env.services.redis))

    await job_env.engine.crash(job_env.region_context.container_name(session), 3)

    await eventually(lambda: _is(job_env, session, SessionState.FAILED))
    assert (await job_env.read(waiting)).state is SessionState.QUEUED
    assert await heartbeat.read_heartbeats(job_env.services.redis, ["local"]) == {"local": "up"}
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_worker_runs_hourly_tasks(job_env: JobEnv) -> None:
    upload = await uploads.create("old.tar.gz", actor=Actor.from_principal(job_env.principal))
    await Upload.filter(id=upload.id).update(expires_at=upload.expires_at - timedelta(days=30))

    working = asyncio.create_task(run(job_env.region_context, job_env.services.redis))

    await eventually(lambda: _gone(upload.id))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def _gone(upload_id: int) -> bool:
    return not await Upload.filter(id=upload_id).exists()
