"""Races of launch and stop jobs: late, dying and concurrent workers do not disturb each other."""

import asyncio
from dataclasses import replace
from typing import Any, cast

from redis.asyncio import Redis

from core.clock import now
from core.engine.fake.engine import FakeEngine, FaultProfile
from core.engine.protocol import Container, ContainerSpec, Engine
from core.queue import region_queue
from jobs.periodic import sweep
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from jobs.sessions.stop import session_check, session_stop
from models.accounts.history import ActorKind
from models.accounts.tokens import Token
from models.permissions.principal import SERVICE, Actor
from models.services.accounts import users
from models.services.sessions import sessions
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually


async def launch_as_others(job_env: JobEnv, count: int) -> list[Session]:
    """Queue `count` sessions of different users."""
    people = [await users.register(f"reader{number}", None) for number in range(count)]
    asked = [
        await sessions.launch(
            job_env.image, job_env.region, job_env.services.settings, actor=Actor(ActorKind.USER, person.id)
        )
        for person in people
    ]
    return [session for session, _ in asked]


async def enqueued_launches(redis: Redis) -> set[int]:
    """Return the ids of sessions with an enqueued launch."""
    keys = [key.decode().split(":") for key in await redis.zrange(region_queue("local"), 0, -1)]
    return {int(key[1]) for key in keys if key[0] == "launch"}


async def wait_for_readiness_check(job_env: JobEnv) -> None:
    """Wait until an unresponsive container got a readiness request."""
    await eventually(lambda: any(server._open for server in job_env.engine._servers.values()))


async def is_in_state(session: Session, state: SessionState) -> bool:
    """Return whether the row is in this state."""
    return await Session.filter(id=session.id, state=state).exists()


async def test_frozen_worker_leaves_container_to_successor(job_env: JobEnv) -> None:
    session = await job_env.launch()
    job_env.engine.faults = FaultProfile(never_answers=True)
    frozen = asyncio.create_task(session_launch(job_env.context, session.id))
    await wait_for_readiness_check(job_env)

    await Session.filter(id=session.id).update(lease_until=now())
    job_env.engine.faults = FaultProfile()
    await session_launch(job_env.context, session.id)
    await frozen

    assert (await job_env.read(session)).state is SessionState.RUNNING
    assert [container.state for container in await job_env.engine.list({})] == ["running"]


class BlockingEngine:
    """An engine whose `ensure` blocks until `thaw` is set."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.frozen, self.thaw = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def ensure(self, spec: ContainerSpec) -> Container:
        self.frozen.set()
        await self.thaw.wait()
        return await self._engine.ensure(spec)


async def is_lease_expired(session: Session) -> bool:
    """Return whether the lease of the session has expired."""
    return await Session.filter(id=session.id, lease_until__lt=now()).exists()


async def test_thawed_worker_creates_no_second_container(job_env: JobEnv) -> None:
    session = await job_env.launch()
    blocking_engine = BlockingEngine(job_env.engine)
    frozen = asyncio.create_task(
        session_launch(
            {"region_context": replace(job_env.region_context, engine=cast("Engine", blocking_engine))}, session.id
        )
    )
    await blocking_engine.frozen.wait()
    await eventually(lambda: is_lease_expired(session))

    await session_launch(job_env.context, session.id)
    name = job_env.region_context.container_name(session)
    await job_env.engine.remove(name)
    await session_check(job_env.context, session.id)
    blocking_engine.thaw.set()
    await frozen

    ended = await job_env.read(session)
    assert (ended.state, ended.reason_code) == (SessionState.FAILED, Reason.CONTAINER_LOST)
    assert await job_env.engine.list({}) == []
    assert job_env.engine.creation_counts() == {name: 1}


async def test_stop_during_launch_leaves_no_container_or_token(job_env: JobEnv) -> None:
    session = await job_env.launch()
    job_env.engine.faults = FaultProfile(call_seconds=0.2)
    launching = asyncio.create_task(session_launch(job_env.context, session.id))
    await eventually(lambda: is_in_state(session, SessionState.STARTING))

    job_env.engine.faults = FaultProfile()
    await sessions.request_stop(await job_env.read(session), actor=SERVICE)
    await session_stop(job_env.context, session.id)
    await launching

    assert (await job_env.read(session)).state is SessionState.STOPPED
    assert await job_env.engine.list({}) == []
    assert await Token.filter(session_id=session.id, revoked_at=None).count() == 0


async def test_cancelled_launch_releases_its_claim(job_env: JobEnv) -> None:
    session = await job_env.launch()
    job_env.engine.faults = FaultProfile(never_answers=True)
    launching = asyncio.create_task(session_launch(job_env.context, session.id))
    await wait_for_readiness_check(job_env)

    launching.cancel()
    await asyncio.wait([launching])
    job_env.engine.faults = FaultProfile()
    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.RUNNING


async def test_engine_lost_before_answer_releases_launch(job_env: JobEnv) -> None:
    session = await job_env.launch()
    job_env.engine.faults = FaultProfile(raises_after_start=True)
    await session_launch(job_env.context, session.id)
    job_env.engine.faults = FaultProfile(never_answers=True)
    waiting = asyncio.create_task(session_launch(job_env.context, session.id))
    await wait_for_readiness_check(job_env)

    job_env.engine.faults = FaultProfile(unreachable=True)
    for server in job_env.engine._servers.values():
        server.stop()
    await waiting

    current = await job_env.read(session)
    assert current.state is SessionState.STARTING
    assert current.lease_until
    assert current.lease_until <= now()


async def test_stop_continues_after_engine_outage(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    await sessions.request_stop(await job_env.read(session), actor=SERVICE)

    job_env.engine.faults = FaultProfile(unreachable=True)
    await session_stop(job_env.context, session.id)
    job_env.engine.faults = FaultProfile()
    await session_stop(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.STOPPED


async def test_two_free_slots_enqueue_two_sessions(job_env: JobEnv, redis: Redis) -> None:
    first, second, third, fourth = await launch_as_others(job_env, 4)
    for session in (first, second, third, fourth):
        await session_launch(job_env.context, session.id)
    await redis.flushall()

    for session in (first, second):
        await job_env.engine.crash(job_env.region_context.container_name(session))
        await session_check(job_env.context, session.id)

    assert await enqueued_launches(redis) == {third.id, fourth.id}


async def test_launch_is_enqueued_despite_earlier_full_region_job(job_env: JobEnv, redis: Redis) -> None:
    await Region.filter(id=job_env.region.id).update(capacity=1)
    first, second = await launch_as_others(job_env, 2)
    await session_launch(job_env.context, first.id)
    before = await redis.zcard(region_queue("local"))

    await job_env.engine.crash(job_env.region_context.container_name(first))
    await session_check(job_env.context, first.id)

    assert await enqueued_launches(redis) >= {second.id}
    assert await redis.zcard(region_queue("local")) == before + 1


async def test_session_leaving_queue_enqueues_next(job_env: JobEnv, redis: Redis) -> None:
    await Region.filter(id=job_env.region.id).update(capacity=1)
    first, second = await launch_as_others(job_env, 2)
    await redis.flushall()

    await sessions.request_stop(first, actor=SERVICE)

    assert await enqueued_launches(redis) == {second.id}


async def test_session_waiting_for_lost_image_enqueues_next(job_env: JobEnv, redis: Redis) -> None:
    await Region.filter(id=job_env.region.id).update(capacity=1)
    other = await Image.create(
        workstation_id=job_env.image.workstation_id, state=ImageState.READY, reference="other:1", http_port=8080
    )
    first = await job_env.launch()
    second, _ = await sessions.launch(
        other, job_env.region, job_env.services.settings, actor=Actor.from_principal(job_env.principal)
    )
    await redis.flushall()
    job_env.engine._strict_images = True

    await session_launch(job_env.context, first.id)

    assert await enqueued_launches(redis) == {second.id}


async def test_session_waiting_for_failed_image_fails(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await Image.filter(id=job_env.image.id).update(state=ImageState.FAILED)

    await sweep(job_env.region_context)

    current = await job_env.read(session)
    assert (current.state, current.reason_code) == (SessionState.FAILED, Reason.IMAGE_GONE)


async def test_reconnect_reconciles_all_sessions_once(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    job_env.engine.faults = FaultProfile(unreachable=True)
    following = asyncio.create_task(follow(job_env.region_context))
    await job_env.engine.crash(job_env.region_context.container_name(session))

    job_env.engine.faults = FaultProfile(drops_events=True)
    await eventually(lambda: is_in_state(session, SessionState.FAILED))

    following.cancel()
    await asyncio.wait([following])
