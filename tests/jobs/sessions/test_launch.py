"""Launches, with every fault of the engine."""

import json
from datetime import timedelta

import pytest

from core.clock import now
from core.engine.fake.engine import FaultProfile
from core.queue import region_queue
from core.security import global_ids
from jobs.periodic import sweep
from jobs.sessions.launch import session_launch
from jobs.sessions.stop import session_check, session_stop
from models.accounts.history import HistoryEntry
from models.accounts.tokens import Token
from models.permissions.principal import SERVICE, Actor
from models.services.data import datasessions
from models.services.sessions import session_queue, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from models.sessions.workstations import Workstation
from tests.jobs.conftest import JobEnv
from tests.waiting import eventually


async def test_launch_records_address_and_history(job_env: JobEnv) -> None:
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)

    session = await job_env.read(session)
    assert session.state is SessionState.RUNNING
    assert session.host == "127.0.0.1"
    assert session.http_port
    moves = (
        await HistoryEntry.filter(resource="session", action="move").order_by("id").values_list("to_state", flat=True)
    )
    assert moves == ["starting", "running"]


async def test_launch_is_idempotent(job_env: JobEnv) -> None:
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)
    await session_launch(job_env.context, session.id)

    assert list(job_env.engine.creation_counts().values()) == [1]


async def test_user_has_one_live_session_per_image(job_env: JobEnv) -> None:
    first = await job_env.launch()

    second = await job_env.launch()

    assert second.id == first.id


async def test_immediate_crash_fails_session_with_exit_code(job_env: JobEnv) -> None:
    job_env.engine.faults = FaultProfile(crashes_after=0.0, exit_code=3, never_answers=True)
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)

    session = await job_env.read(session)
    assert (session.state, session.reason_code, session.exit_code) == (
        SessionState.FAILED,
        Reason.CONTAINER_EXITED,
        3,
    )
    assert await job_env.engine.list({}) == []


async def test_refusal_of_engine_is_quoted(job_env: JobEnv) -> None:
    job_env.engine.faults = FaultProfile(ignores_limits=True)
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)

    session = await job_env.read(session)
    assert session.reason_code is Reason.ENGINE_REFUSED
    assert "limits" in session.reason


async def test_unresponsive_workstation_fails_after_time_limit(job_env: JobEnv) -> None:
    job_env.engine.faults = FaultProfile(never_answers=True)
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)
    await session_launch(job_env.context, session.id)

    session = await job_env.read(session)
    assert session.reason_code is Reason.NEVER_ANSWERED
    assert await job_env.engine.list({}) == []


async def test_launch_is_retried_after_engine_outage(job_env: JobEnv) -> None:
    job_env.engine.faults = FaultProfile(unreachable=True)
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    assert (await job_env.read(session)).state is SessionState.STARTING

    job_env.engine.faults = FaultProfile()
    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.RUNNING


async def test_launch_continues_after_unrecorded_container(job_env: JobEnv) -> None:
    session = await job_env.launch()
    job_env.engine.faults = FaultProfile(raises_after_start=True)
    await session_launch(job_env.context, session.id)

    job_env.engine.faults = FaultProfile()
    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.RUNNING
    assert list(job_env.engine.creation_counts().values()) == [1]


async def test_session_waits_while_region_is_full(job_env: JobEnv) -> None:
    job_env.region.capacity = 0
    await job_env.region.save()
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    assert (await job_env.read(session)).state is SessionState.QUEUED
    assert await session_queue.queue_positions([session.id]) == {session.id: 1}

    job_env.region.capacity = 1
    await job_env.region.save()
    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.RUNNING


async def test_stop_removes_container_and_session_token(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    session = await job_env.read(session)

    await sessions.request_stop(session, actor=SERVICE)
    await session_stop(job_env.context, session.id)

    session = await job_env.read(session)
    assert session.state is SessionState.STOPPED
    assert await job_env.engine.list({}) == []
    assert await Token.filter(session_id=session.id, revoked_at=None).count() == 0


async def test_stopped_session_never_gets_container(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await sessions.request_stop(session, actor=SERVICE)

    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.STOPPED
    assert job_env.engine.creation_counts() == {}


async def test_killed_container_fails_session(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    await job_env.engine.crash(job_env.region_context.container_name(session), 137)

    await session_check(job_env.context, session.id)

    session = await job_env.read(session)
    assert (session.state, session.exit_code) == (SessionState.FAILED, 137)
    assert await job_env.engine.list({}) == []


async def test_sweep_fails_session_without_container(job_env: JobEnv) -> None:
    lost = await job_env.launch()
    await session_launch(job_env.context, lost.id)
    await job_env.engine.remove(job_env.region_context.container_name(lost))

    await sweep(job_env.region_context)

    assert (await job_env.read(lost)).reason_code is Reason.CONTAINER_LOST


async def test_sweep_removes_container_without_live_session(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    await Session.filter(id=session.id).update(state=SessionState.STOPPED)

    await sweep(job_env.region_context)

    assert await job_env.engine.list({}) == []


async def test_session_expires_after_its_time(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    await Session.filter(id=session.id).update(expires_at=now())

    await sweep(job_env.region_context)
    await session_stop(job_env.context, session.id)

    session = await job_env.read(session)
    assert (session.state, session.reason_code) == (SessionState.EXPIRED, Reason.EXPIRED)


async def test_lost_image_is_reimported_and_session_requeued(job_env: JobEnv) -> None:
    job_env.engine._strict_images = True
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)

    assert (await job_env.read(session)).state is SessionState.QUEUED
    assert (await Image.get(id=job_env.image.id)).state is ImageState.QUEUED


async def test_container_gets_current_configuration_of_workstation(job_env: JobEnv) -> None:
    configuration = {"window": {"level": 40, "width": 400}, "title": 'a "quoted" ü'}
    await Workstation.filter(id=job_env.image.workstation_id).update(configuration=configuration)
    session = await job_env.launch()

    await session_launch(job_env.context, session.id)

    environment = job_env.engine.store.environment(job_env.region_context.container_name(session))
    assert json.loads(environment["CARREL_CONFIGURATION"]) == configuration


async def test_postponed_end_is_checked_again(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await session_launch(job_env.context, session.id)
    later = now() + timedelta(seconds=1)
    await Session.filter(id=session.id).update(expires_at=later)
    await job_env.services.redis.flushall()

    await session_check(job_env.context, session.id)
    assert (await job_env.read(session)).state is SessionState.RUNNING
    (job,) = await job_env.services.redis.zrange(region_queue("local"), 0, -1, withscores=True)
    assert job[1] == pytest.approx(later.timestamp() * 1000, abs=2)

    await eventually(lambda: now() > later)
    await session_check(job_env.context, session.id)
    assert (await job_env.read(session)).state is SessionState.STOPPING


async def test_container_gets_id_of_its_datasession(job_env: JobEnv) -> None:
    actor = Actor.from_principal(job_env.principal)
    lent = await datasessions.create("M13", [], upload_ids=(), organization_id=None, actor=actor)
    session, _ = await sessions.launch(
        job_env.image, job_env.region, job_env.services.settings, actor=actor, datasession_id=lent.id
    )

    await session_launch(job_env.context, session.id)

    environment = job_env.engine.store.environment(job_env.region_context.container_name(session))
    assert environment["CARREL_DATASESSION"] == global_ids.encode("Datasession", lent.id)
