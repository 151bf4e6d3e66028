"""Launching, with the engine in all its moods."""

import json
from datetime import timedelta

import pytest

from core.clock import now
from core.engine.fake.engine import Behaviour
from core.queue import region_queue
from core.security import global_ids
from jobs.periodic import sweep
from jobs.sessions.launch import session_launch
from jobs.sessions.stop import session_check, session_stop
from models.accounts.history import HistoryEntry
from models.accounts.users import Token
from models.permissions.actor import SERVICE, Actor
from models.services.data import datasessions
from models.services.sessions import session_queue, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from models.sessions.workstations import Workstation
from tests.jobs.conftest import Bench
from tests.waiting import eventually


async def test_a_queued_session_becomes_running_with_an_address_and_a_history(bench: Bench) -> None:
    session = await bench.launch()

    await session_launch(bench.context, session.id)

    session = await bench.read(session)
    assert session.state is SessionState.RUNNING
    assert session.host == "127.0.0.1"
    assert session.http_port
    moves = (
        await HistoryEntry.filter(resource="session", action="move").order_by("id").values_list("to_state", flat=True)
    )
    assert moves == ["starting", "running"]


async def test_launching_twice_makes_one_container(bench: Bench) -> None:
    session = await bench.launch()

    await session_launch(bench.context, session.id)
    await session_launch(bench.context, session.id)

    assert list(bench.engine.creates().values()) == [1]


async def test_one_person_has_one_live_session_of_an_image(bench: Bench) -> None:
    first = await bench.launch()

    second = await bench.launch()

    assert second.id == first.id


async def test_a_container_that_crashes_at_once_fails_the_session_with_its_exit_code(bench: Bench) -> None:
    bench.engine.behaviour = Behaviour(crashes_after=0.0, exit_code=3, silent=True)
    session = await bench.launch()

    await session_launch(bench.context, session.id)

    session = await bench.read(session)
    assert (session.state, session.reason_code, session.exit_code) == (
        SessionState.FAILED,
        Reason.CONTAINER_EXITED,
        3,
    )
    assert await bench.engine.list({}) == []


async def test_an_engine_that_refuses_is_quoted(bench: Bench) -> None:
    bench.engine.behaviour = Behaviour(ignores_limits=True)
    session = await bench.launch()

    await session_launch(bench.context, session.id)

    session = await bench.read(session)
    assert session.reason_code is Reason.ENGINE_REFUSED
    assert "limits" in session.reason


async def test_a_workstation_that_never_answers_fails_after_its_time(bench: Bench) -> None:
    bench.engine.behaviour = Behaviour(silent=True)
    session = await bench.launch()

    await session_launch(bench.context, session.id)
    await session_launch(bench.context, session.id)

    session = await bench.read(session)
    assert session.reason_code is Reason.NEVER_ANSWERED
    assert await bench.engine.list({}) == []


async def test_a_dead_engine_keeps_the_session_waiting_and_the_next_try_succeeds(bench: Bench) -> None:
    bench.engine.behaviour = Behaviour(dead=True)
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    assert (await bench.read(session)).state is SessionState.STARTING

    bench.engine.behaviour = Behaviour()
    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.RUNNING


async def test_a_worker_that_died_between_effect_and_record_is_taken_over(bench: Bench) -> None:
    session = await bench.launch()
    bench.engine.behaviour = Behaviour(raises_after_start=True)
    await session_launch(bench.context, session.id)

    bench.engine.behaviour = Behaviour()
    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.RUNNING
    assert list(bench.engine.creates().values()) == [1]


async def test_a_full_region_lets_the_next_wait_until_a_place_is_free(bench: Bench) -> None:
    bench.region.capacity = 0
    await bench.region.save()
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    assert (await bench.read(session)).state is SessionState.QUEUED
    assert await session_queue.queue_positions([session.id]) == {session.id: 1}

    bench.region.capacity = 1
    await bench.region.save()
    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.RUNNING


async def test_a_stop_removes_the_container_and_the_desk_token(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    session = await bench.read(session)

    await sessions.request_stop(session, actor=SERVICE)
    await session_stop(bench.context, session.id)

    session = await bench.read(session)
    assert session.state is SessionState.STOPPED
    assert await bench.engine.list({}) == []
    assert await Token.filter(session_id=session.id, revoked_at=None).count() == 0


async def test_a_session_stopped_before_its_launch_never_gets_a_container(bench: Bench) -> None:
    session = await bench.launch()
    await sessions.request_stop(session, actor=SERVICE)

    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.STOPPED
    assert bench.engine.creates() == {}


async def test_a_container_killed_from_outside_fails_the_session(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    await bench.engine.crash(bench.runtime.container_name(session), 137)

    await session_check(bench.context, session.id)

    session = await bench.read(session)
    assert (session.state, session.exit_code) == (SessionState.FAILED, 137)
    assert await bench.engine.list({}) == []


async def test_the_sweep_ends_a_session_whose_container_is_gone(bench: Bench) -> None:
    lost = await bench.launch()
    await session_launch(bench.context, lost.id)
    await bench.engine.remove(bench.runtime.container_name(lost))

    await sweep(bench.runtime)

    assert (await bench.read(lost)).reason_code is Reason.CONTAINER_LOST


async def test_the_sweep_removes_a_container_that_no_live_session_stands_behind(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    await Session.filter(id=session.id).update(state=SessionState.STOPPED)

    await sweep(bench.runtime)

    assert await bench.engine.list({}) == []


async def test_a_session_whose_time_is_over_expires(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    await Session.filter(id=session.id).update(expires_at=now())

    await sweep(bench.runtime)
    await session_stop(bench.context, session.id)

    session = await bench.read(session)
    assert (session.state, session.reason_code) == (SessionState.EXPIRED, Reason.EXPIRED)


async def test_a_lost_image_is_imported_again_and_the_session_goes_back_to_its_place(bench: Bench) -> None:
    bench.engine._strict_images = True
    session = await bench.launch()

    await session_launch(bench.context, session.id)

    assert (await bench.read(session)).state is SessionState.QUEUED
    assert (await Image.get(id=bench.image.id)).state is ImageState.QUEUED


async def test_a_container_is_told_the_configuration_of_its_workstation_as_it_is_at_its_start(bench: Bench) -> None:
    configuration = {"window": {"level": 40, "width": 400}, "title": 'a "quoted" ü'}
    await Workstation.filter(id=bench.image.workstation_id).update(configuration=configuration)
    session = await bench.launch()

    await session_launch(bench.context, session.id)

    told = bench.engine.store.environment(bench.runtime.container_name(session))
    assert json.loads(told["CARREL_CONFIGURATION"]) == configuration


async def test_an_end_that_was_put_off_is_looked_at_when_it_comes(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    later = now() + timedelta(seconds=1)
    await Session.filter(id=session.id).update(expires_at=later)
    await bench.kernel.redis.flushall()

    await session_check(bench.context, session.id)
    assert (await bench.read(session)).state is SessionState.RUNNING
    (held,) = await bench.kernel.redis.zrange(region_queue("local"), 0, -1, withscores=True)
    assert held[1] == pytest.approx(later.timestamp() * 1000, abs=2)

    await eventually(lambda: now() > later)
    await session_check(bench.context, session.id)
    assert (await bench.read(session)).state is SessionState.STOPPING


async def test_a_session_for_a_data_session_is_told_which_one(bench: Bench) -> None:
    actor = Actor.of(bench.principal)
    lent = await datasessions.create("M13", [], brought=(), organization_id=None, actor=actor)
    session, _ = await sessions.launch(
        bench.image, bench.region, bench.kernel.settings, actor=actor, datasession_id=lent.id
    )

    await session_launch(bench.context, session.id)

    environment = bench.engine.store.environment(bench.runtime.container_name(session))
    assert environment["CARREL_DATASESSION"] == global_ids.encode("Datasession", lent.id)
