"""Two regions on one engine: each worker follows, sweeps and removes the containers of its own region alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.clock import now
from jobs.context import Runtime
from jobs.periodic import reconcile
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from models.permissions.actor import Actor
from models.services.sessions import regions, sessions
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from tests.jobs.conftest import Bench
from tests.waiting import eventually


@pytest.fixture
def there(bench: Bench) -> Runtime:
    """The runtime of another region's worker, over the same engine."""
    return replace(bench.runtime, region="there")


@pytest.fixture
async def elsewhere(bench: Bench, there: Runtime) -> Session:
    """A session that runs in the other region."""
    region: Region = await regions.ensure("there", 2)
    actor = Actor.of(bench.principal)
    session, _ = await sessions.launch(bench.image, region, bench.kernel.settings, actor=actor)
    await session_launch({"runtime": there}, session.id)
    return await bench.read(session)


async def _names(bench: Bench, runtime: Runtime) -> set[str]:
    return {container.name for container in await bench.engine.list(runtime.labels)}


async def test_each_finds_its_own_containers(bench: Bench, there: Runtime, elsewhere: Session) -> None:
    here = await bench.launch()
    await session_launch(bench.context, here.id)

    assert await _names(bench, bench.runtime) == {bench.runtime.container_name(here)}
    assert await _names(bench, there) == {there.container_name(elsewhere)}


async def test_an_orphan_is_removed_by_its_own_region_alone(bench: Bench, there: Runtime, elsewhere: Session) -> None:
    await Session.filter(id=elsewhere.id).update(state=SessionState.FAILED, ended_at=now())

    await reconcile(bench.runtime)
    assert await _names(bench, there) == {there.container_name(elsewhere)}

    await reconcile(there)
    assert await _names(bench, there) == set()


@pytest.fixture
async def following(bench: Bench, there: Runtime) -> AsyncIterator[None]:
    """The follower of this region at work."""
    task = asyncio.create_task(follow(bench.runtime))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_follower_heeds_its_own_region_alone(
    bench: Bench, there: Runtime, elsewhere: Session, following: None
) -> None:
    here = await bench.launch()
    await session_launch(bench.context, here.id)

    await bench.engine.crash(there.container_name(elsewhere), 3)
    await bench.engine.crash(bench.runtime.container_name(here), 3)
    await eventually(lambda: _ended(bench, here))
    assert (await bench.read(elsewhere)).state is SessionState.RUNNING, "nobody follows it"

    await reconcile(there)
    assert await _ended(bench, elsewhere)


async def _ended(bench: Bench, session: Session) -> bool:
    return (await bench.read(session)).state is SessionState.FAILED
