"""Who comes late, dies half-way or meets another: each keeps out of the others' way, and nobody waits for the sweep."""

import asyncio
from dataclasses import replace
from typing import Any, cast

from redis.asyncio import Redis

from core.clock import now
from core.engine.fake.engine import Behaviour, FakeEngine
from core.engine.protocol import Container, ContainerSpec, Engine
from core.queue import region_queue
from jobs.periodic import sweep
from jobs.sessions.engine_events import follow
from jobs.sessions.launch import session_launch
from jobs.sessions.stop import session_check, session_stop
from models.accounts.history import ActorKind
from models.accounts.users import Token
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import users
from models.services.sessions import sessions
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import Bench
from tests.waiting import eventually


async def launched_by_others(bench: Bench, count: int) -> list[Session]:
    """Queue sessions of as many people."""
    people = [await users.register(f"reader{number}", None) for number in range(count)]
    asked = [
        await sessions.launch(bench.image, bench.region, bench.kernel.settings, actor=Actor(ActorKind.USER, person.id))
        for person in people
    ]
    return [session for session, _ in asked]


async def called(redis: Redis) -> set[int]:
    """Return the sessions whose launch is asked for."""
    keys = [key.decode().split(":") for key in await redis.zrange(region_queue("local"), 0, -1)]
    return {int(key[1]) for key in keys if key[0] == "launch"}


async def asked_for_an_answer(bench: Bench) -> None:
    """Wait until a silent container has been asked whether it is ready."""
    await eventually(lambda: any(server._open for server in bench.engine._servers.values()))


async def stands(session: Session, state: SessionState) -> bool:
    """Say whether the row is in this state now."""
    return await Session.filter(id=session.id, state=state).exists()


async def test_a_worker_that_was_frozen_leaves_its_successor_the_container(bench: Bench) -> None:
    session = await bench.launch()
    bench.engine.behaviour = Behaviour(silent=True)
    frozen = asyncio.create_task(session_launch(bench.context, session.id))
    await asked_for_an_answer(bench)

    await Session.filter(id=session.id).update(lease_until=now())
    bench.engine.behaviour = Behaviour()
    await session_launch(bench.context, session.id)
    await frozen

    assert (await bench.read(session)).state is SessionState.RUNNING
    assert [held.state for held in await bench.engine.list({})] == ["running"]


class Road:
    """The way to an engine, on which whoever wants a container made is frozen until it thaws."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self.frozen, self.thaws = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def ensure(self, spec: ContainerSpec) -> Container:
        self.frozen.set()
        await self.thaws.wait()
        return await self._engine.ensure(spec)


async def lease_is_over(session: Session) -> bool:
    """Say whether nobody's claim on the session lasts."""
    return await Session.filter(id=session.id, lease_until__lt=now()).exists()


async def test_a_worker_that_was_frozen_on_its_way_to_the_engine_makes_no_second_container(bench: Bench) -> None:
    session = await bench.launch()
    road = Road(bench.engine)
    frozen = asyncio.create_task(
        session_launch({"runtime": replace(bench.runtime, engine=cast("Engine", road))}, session.id)
    )
    await road.frozen.wait()
    await eventually(lambda: lease_is_over(session))

    await session_launch(bench.context, session.id)
    name = bench.runtime.container_name(session)
    await bench.engine.remove(name)
    await session_check(bench.context, session.id)
    road.thaws.set()
    await frozen

    ended = await bench.read(session)
    assert (ended.state, ended.reason_code) == (SessionState.FAILED, Reason.CONTAINER_LOST)
    assert await bench.engine.list({}) == []
    assert bench.engine.creates() == {name: 1}


async def test_a_stop_during_the_launch_leaves_neither_container_nor_token(bench: Bench) -> None:
    session = await bench.launch()
    bench.engine.behaviour = Behaviour(call_seconds=0.2)
    launching = asyncio.create_task(session_launch(bench.context, session.id))
    await eventually(lambda: stands(session, SessionState.STARTING))

    bench.engine.behaviour = Behaviour()
    await sessions.request_stop(await bench.read(session), actor=SERVICE)
    await session_stop(bench.context, session.id)
    await launching

    assert (await bench.read(session)).state is SessionState.STOPPED
    assert await bench.engine.list({}) == []
    assert await Token.filter(session_id=session.id, revoked_at=None).count() == 0


async def test_a_launch_that_is_cancelled_gives_its_claim_back(bench: Bench) -> None:
    session = await bench.launch()
    bench.engine.behaviour = Behaviour(silent=True)
    launching = asyncio.create_task(session_launch(bench.context, session.id))
    await asked_for_an_answer(bench)

    launching.cancel()
    await asyncio.wait([launching])
    bench.engine.behaviour = Behaviour()
    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.RUNNING


async def test_an_engine_that_is_lost_before_the_answer_gives_the_launch_to_the_next_try(bench: Bench) -> None:
    session = await bench.launch()
    bench.engine.behaviour = Behaviour(raises_after_start=True)
    await session_launch(bench.context, session.id)
    bench.engine.behaviour = Behaviour(silent=True)
    waiting = asyncio.create_task(session_launch(bench.context, session.id))
    await asked_for_an_answer(bench)

    bench.engine.behaviour = Behaviour(dead=True)
    for server in bench.engine._servers.values():
        server.stop()
    await waiting

    present = await bench.read(session)
    assert present.state is SessionState.STARTING
    assert present.lease_until
    assert present.lease_until <= now()


async def test_a_stop_goes_on_once_the_engine_is_back(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    await sessions.request_stop(await bench.read(session), actor=SERVICE)

    bench.engine.behaviour = Behaviour(dead=True)
    await session_stop(bench.context, session.id)
    bench.engine.behaviour = Behaviour()
    await session_stop(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.STOPPED


async def test_two_places_that_come_free_call_two(bench: Bench, redis: Redis) -> None:
    first, second, third, fourth = await launched_by_others(bench, 4)
    for session in (first, second, third, fourth):
        await session_launch(bench.context, session.id)
    await redis.flushall()

    for session in (first, second):
        await bench.engine.crash(bench.runtime.container_name(session))
        await session_check(bench.context, session.id)

    assert await called(redis) == {third.id, fourth.id}


async def test_a_call_is_not_swallowed_by_a_job_that_has_just_found_the_region_full(bench: Bench, redis: Redis) -> None:
    await Region.filter(id=bench.region.id).update(capacity=1)
    first, second = await launched_by_others(bench, 2)
    await session_launch(bench.context, first.id)
    before = await redis.zcard(region_queue("local"))

    await bench.engine.crash(bench.runtime.container_name(first))
    await session_check(bench.context, first.id)

    assert await called(redis) >= {second.id}
    assert await redis.zcard(region_queue("local")) == before + 1


async def test_who_leaves_the_line_lets_the_next_go(bench: Bench, redis: Redis) -> None:
    await Region.filter(id=bench.region.id).update(capacity=1)
    first, second = await launched_by_others(bench, 2)
    await redis.flushall()

    await sessions.request_stop(first, actor=SERVICE)

    assert await called(redis) == {second.id}


async def test_who_must_wait_for_a_lost_image_lets_the_next_go(bench: Bench, redis: Redis) -> None:
    await Region.filter(id=bench.region.id).update(capacity=1)
    other = await Image.create(
        workstation_id=bench.image.workstation_id, state=ImageState.READY, reference="other:1", http_port=8080
    )
    first = await bench.launch()
    second, _ = await sessions.launch(other, bench.region, bench.kernel.settings, actor=Actor.of(bench.principal))
    await redis.flushall()
    bench.engine._strict_images = True

    await session_launch(bench.context, first.id)

    assert await called(redis) == {second.id}


async def test_who_waits_for_an_image_that_will_not_come_fails(bench: Bench) -> None:
    session = await bench.launch()
    await Image.filter(id=bench.image.id).update(state=ImageState.FAILED)

    await sweep(bench.runtime)

    present = await bench.read(session)
    assert (present.state, present.reason_code) == (SessionState.FAILED, Reason.IMAGE_GONE)


async def test_after_a_loss_of_the_engine_the_follower_compares_all_once(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    bench.engine.behaviour = Behaviour(dead=True)
    following = asyncio.create_task(follow(bench.runtime))
    await bench.engine.crash(bench.runtime.container_name(session))

    bench.engine.behaviour = Behaviour(deaf=True)
    await eventually(lambda: stands(session, SessionState.FAILED))

    following.cancel()
    await asyncio.wait([following])
