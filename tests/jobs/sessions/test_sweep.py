"""The sweep of sessions: stalled rows are enqueued again, idle sessions end, containers and rows are compared."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import now
from core.queue import import_queue, region_queue
from jobs.periodic import sweep
from jobs.sessions.launch import session_launch
from models.permissions.principal import SERVICE, Actor
from models.services.sessions import session_lifetime, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import JobEnv

QUEUE = region_queue("local")


async def _forget_jobs(job_env: JobEnv) -> None:
    await job_env.services.redis.flushall()


async def test_sweep_reenqueues_everything_after_redis_flush(job_env: JobEnv) -> None:
    queued = await job_env.launch()
    await Image.create(workstation_id=job_env.image.workstation_id, state=ImageState.QUEUED)
    await _forget_jobs(job_env)
    assert await job_env.services.queue.depth(QUEUE) == 0

    await sweep(job_env.region_context)

    assert await job_env.services.queue.depth(QUEUE) == 1
    assert await job_env.services.queue.depth(import_queue("local")) == 1
    assert (await job_env.read(queued)).state is SessionState.QUEUED


async def test_sweep_reenqueues_launch_and_stop_of_dead_worker(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await Session.filter(id=session.id).update(state=SessionState.STARTING, lease_until=now() - timedelta(seconds=1))
    await _forget_jobs(job_env)
    await sweep(job_env.region_context)
    assert await job_env.services.queue.depth(QUEUE) == 1

    await Session.filter(id=session.id).update(state=SessionState.STOPPING)
    await _forget_jobs(job_env)
    await sweep(job_env.region_context)
    assert await job_env.services.queue.depth(QUEUE) == 1


async def test_sweep_leaves_claimed_rows_alone(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await Session.filter(id=session.id).update(state=SessionState.STARTING, lease_until=now() + timedelta(minutes=1))
    await _forget_jobs(job_env)

    await sweep(job_env.region_context)

    assert await job_env.services.queue.depth(QUEUE) == 0


async def test_container_of_other_installation_is_left_alone(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    (own_container,) = await job_env.engine.list(job_env.region_context.labels)
    other = job_env.services.settings.model_copy(update={"instance": "other"})
    stranger = type(job_env.region_context)(other, job_env.engine, job_env.services.storage, "local", "http://api")

    await Session.filter(id=session.id).update(state=SessionState.STOPPED)
    await sweep(stranger)

    assert await job_env.engine.inspect(own_container.name)


async def test_only_session_without_container_fails(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    kept, _ = await sessions.launch(
        await Image.create(
            workstation_id=job_env.image.workstation_id, state=ImageState.READY, reference="viewer:2", http_port=8080
        ),
        job_env.region,
        job_env.services.settings,
        actor=Actor.from_principal(job_env.principal),
    )
    await session_launch(job_env.context, kept.id)
    await job_env.engine.remove(job_env.region_context.container_name(session))

    await sweep(job_env.region_context)

    row = await job_env.read(session)
    assert (row.state, row.reason_code) == (SessionState.FAILED, Reason.CONTAINER_LOST)
    assert (await job_env.read(kept)).state is SessionState.RUNNING


async def _running_since(job_env: JobEnv, minutes: float, used: float | None) -> Session:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    at = now()
    await Session.filter(id=session.id).update(
        running_at=at - timedelta(minutes=minutes),
        last_active_at=at - timedelta(minutes=used) if used is not None else None,
    )
    return session


@pytest.mark.parametrize(
    ("limit", "used", "ends"), [(0, 600.0, False), (600, None, True), (600, 11.0, True), (600, 9.0, False)]
)
async def test_idle_session_is_ended_when_configured(
    job_env: JobEnv, limit: int, used: float | None, ends: bool
) -> None:
    session = await _running_since(job_env, 1000, used)
    settings = job_env.services.settings.model_copy(update={"session_idle_seconds": limit})

    await sweep(replace(job_env.region_context, settings=settings))

    row = await job_env.read(session)
    wanted = (SessionState.STOPPING, Reason.IDLE) if ends else (SessionState.RUNNING, None)
    assert (row.state, row.reason_code) == wanted


async def test_activity_and_keep_alive_postpone_idle_end(job_env: JobEnv) -> None:
    session = await _running_since(job_env, 1000, 11)
    await job_env.services.session_access.record_activity(session.id)
    assert await session_lifetime.list_idle(job_env.region.id, 600, 10) == []

    await Session.filter(id=session.id).update(last_active_at=now() - timedelta(minutes=11))
    assert [row.id for row in await session_lifetime.list_idle(job_env.region.id, 600, 10)] == [session.id]
    settings = job_env.services.settings
    await session_lifetime.keep_alive(
        await job_env.read(session), settings.session_seconds * 2, settings, actor=SERVICE
    )
    assert await session_lifetime.list_idle(job_env.region.id, 600, 10) == []
