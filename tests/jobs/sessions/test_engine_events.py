"""The follower: a container's end is known at once, and an engine that was away is followed again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.engine.fake.engine import Behaviour
from core.engine.protocol import EngineUnavailable
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import Bench
from tests.waiting import eventually


@pytest.fixture
async def running(bench: Bench) -> Session:
    """A session whose container runs."""
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    return await bench.read(session)


@pytest.fixture
async def following(bench: Bench) -> AsyncIterator[asyncio.Task[None]]:
    """The follower at work."""
    task = asyncio.create_task(follow(bench.runtime))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _failed(bench: Bench, session: Session) -> bool:
    return (await bench.read(session)).state is SessionState.FAILED


async def test_a_container_that_dies_fails_its_session_at_once(
    bench: Bench, running: Session, following: asyncio.Task[None]
) -> None:
    await bench.engine.crash(bench.runtime.container_name(running), 137, oom_killed=True)

    await eventually(lambda: _failed(bench, running), within=3)

    row = await bench.read(running)
    assert (row.reason_code, row.exit_code) == (Reason.OUT_OF_MEMORY, 137)
    await eventually(lambda: _gone(bench, running))


async def _gone(bench: Bench, session: Session) -> bool:
    return await bench.engine.inspect(bench.runtime.container_name(session)) is None


async def test_an_engine_that_was_away_is_followed_again(
    bench: Bench, running: Session, following: asyncio.Task[None]
) -> None:
    bench.engine.behaviour = Behaviour(dead=True)
    await eventually(lambda: _silent(bench))
    await bench.engine.crash(bench.runtime.container_name(running), 1)
    bench.engine.behaviour = Behaviour()

    await eventually(lambda: _failed(bench, running), within=5)

    assert not following.done()


async def _silent(bench: Bench) -> bool:
    try:
        await bench.engine.ping()
    except EngineUnavailable:
        return True
    return False


async def test_one_session_that_cannot_be_checked_does_not_end_the_follower(
    bench: Bench, running: Session, following: asyncio.Task[None]
) -> None:
    strange = f"{bench.kernel.settings.instance}-session-99999"
    bench.engine.store.write_log(strange, "nobody's")
    await bench.engine.crash(strange, 1)
    await bench.engine.crash(bench.runtime.container_name(running), 3)

    await eventually(lambda: _failed(bench, running), within=3)

    assert not following.done()
