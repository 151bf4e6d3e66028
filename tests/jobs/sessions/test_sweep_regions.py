"""Two regions on one engine: each worker follows, sweeps and removes only its own containers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.clock import now
from jobs.context import RegionContext
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from jobs.sessions.sweep import reconcile
from models.permissions.principal import Actor
from models.services.sessions import regions, sessions
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually


@pytest.fixture
def there(job_env: JobEnv) -> RegionContext:
    """The context of another region's worker, over the same engine."""
    return replace(job_env.region_context, region="there")


@pytest.fixture
async def elsewhere(job_env: JobEnv, there: RegionContext) -> Session:
    """A session that runs in the other region."""
    region: Region = await regions.ensure("there", 2)
    actor = Actor.from_principal(job_env.principal)
    session, _ = await sessions.launch(job_env.image, region, job_env.services.settings, actor=actor)
    await session_launch({"region_context": there}, session.id)
    return await job_env.read(session)


async def _names(job_env: JobEnv, region_context: RegionContext) -> set[str]:
    return {container.name for container in await job_env.engine.list(region_context.labels)}


async def test_region_lists_its_own_containers(job_env: JobEnv, there: RegionContext, elsewhere: Session) -> None:
    here = await job_env.launch()
    await session_launch(job_env.context, here.id)

    assert await _names(job_env, job_env.region_context) == {job_env.region_context.container_name(here)}
    assert await _names(job_env, there) == {there.container_name(elsewhere)}


async def test_orphan_is_removed_by_its_own_region_only(
    job_env: JobEnv, there: RegionContext, elsewhere: Session
) -> None:
    await Session.filter(id=elsewhere.id).update(state=SessionState.FAILED, ended_at=now())

    await reconcile(job_env.region_context)
    assert await _names(job_env, there) == {there.container_name(elsewhere)}

    await reconcile(there)
    assert await _names(job_env, there) == set()


@pytest.fixture
async def following(job_env: JobEnv, there: RegionContext) -> AsyncIterator[None]:
    """The running event watcher of this region."""
    task = asyncio.create_task(follow(job_env.region_context))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_follow_ignores_other_regions(
    job_env: JobEnv, there: RegionContext, elsewhere: Session, following: None
) -> None:
    here = await job_env.launch()
    await session_launch(job_env.context, here.id)

    await job_env.engine.crash(there.container_name(elsewhere), 3)
    await job_env.engine.crash(job_env.region_context.container_name(here), 3)
    await eventually(lambda: _ended(job_env, here))
    assert (await job_env.read(elsewhere)).state is SessionState.RUNNING, "nobody follows it"

    await reconcile(there)
    assert await _ended(job_env, elsewhere)


async def _ended(job_env: JobEnv, session: Session) -> bool:
    return (await job_env.read(session)).state is SessionState.FAILED
