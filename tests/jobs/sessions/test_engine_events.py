"""Engine events: the end of a container is noticed at once, and a lost engine is followed again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.engine.fake.engine import FaultProfile
from core.engine.protocol import EngineUnavailable
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually


@pytest.fixture
async def running(job_env: JobEnv) -> Session:
    """A session whose container runs."""
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    return await job_env.read(session)


@pytest.fixture
async def following(job_env: JobEnv) -> AsyncIterator[asyncio.Task[None]]:
    """The running event watcher."""
    task = asyncio.create_task(follow(job_env.region_context))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _failed(job_env: JobEnv, session: Session) -> bool:
    return (await job_env.read(session)).state is SessionState.FAILED


async def test_exited_container_fails_session_at_once(
    job_env: JobEnv, running: Session, following: asyncio.Task[None]
) -> None:
    await job_env.engine.crash(job_env.region_context.container_name(running), 137, oom_killed=True)

    await eventually(lambda: _failed(job_env, running), within=3)

    row = await job_env.read(running)
    assert (row.reason_code, row.exit_code) == (Reason.OUT_OF_MEMORY, 137)
    await eventually(lambda: _gone(job_env, running))


async def _gone(job_env: JobEnv, session: Session) -> bool:
    return await job_env.engine.inspect(job_env.region_context.container_name(session)) is None


async def test_follow_reconnects_to_engine(job_env: JobEnv, running: Session, following: asyncio.Task[None]) -> None:
    job_env.engine.faults = FaultProfile(unreachable=True)
    await eventually(lambda: _silent(job_env))
    await job_env.engine.crash(job_env.region_context.container_name(running), 1)
    job_env.engine.faults = FaultProfile()

    await eventually(lambda: _failed(job_env, running), within=5)

    assert not following.done()


async def _silent(job_env: JobEnv) -> bool:
    try:
        await job_env.engine.ping()
    except EngineUnavailable:
        return True
    return False


async def test_failing_check_does_not_end_follow(
    job_env: JobEnv, running: Session, following: asyncio.Task[None]
) -> None:
    strange = f"{job_env.services.settings.instance}-session-99999"
    job_env.engine.store.write_log(strange, "nobody's")
    await job_env.engine.crash(strange, 1)
    await job_env.engine.crash(job_env.region_context.container_name(running), 3)

    await eventually(lambda: _failed(job_env, running), within=3)

    assert not following.done()
