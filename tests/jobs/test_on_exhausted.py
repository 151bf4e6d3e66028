"""A job that cannot be done ends its row where people see it, with the reason, and harms nobody who has moved on."""

import pytest

from core.errors import Conflict
from core.queue import Job, drain
from core.queue.job_spec import FAILURES
from jobs.periodic import sweep
from jobs.queues import SESSIONS, JobQueue
from jobs.sessions.on_exhausted import image_fails, session_fails
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.permissions.actor import SERVICE
from models.services.sessions import session_claims, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import Bench

WHY = "It failed 5 times for a reason of ours (ZeroDivisionError); it is logged."


async def _broken(context: object, session_id: int) -> None:
    raise ZeroDivisionError


POISON = JobQueue(
    SESSIONS.kind, {Job.SESSION_LAUNCH: _broken, Job.SESSION_STOP: _broken}, SESSIONS.seconds, give_up=SESSIONS.give_up
)


async def drained(bench: Bench, queue: JobQueue = POISON) -> None:
    """Run what is due with jobs that are broken, or with those of the house."""
    specs = queue.specs(bench.kernel.settings)
    await drain(bench.kernel.redis, queue.name("local"), specs, bench.context, budget=10)


async def test_a_poisoned_launch_ends_as_failed_and_its_place_goes_to_the_next(bench: Bench) -> None:
    session = await bench.launch()
    await bench.kernel.redis.flushall()
    for _ in range(FAILURES):
        assert (await bench.read(session)).state is SessionState.QUEUED
        await bench.kernel.queue.enqueue(Job.SESSION_LAUNCH, session.id, queue=POISON.name("local"), key="poison")
        await drained(bench)

    row = await bench.read(session)
    assert (row.state, row.reason_code, row.reason) == (SessionState.FAILED, Reason.JOB_FAILED, WHY)
    last = await HistoryEntry.filter(resource=Resource.SESSION, object_id=session.id).order_by("-id").first()
    assert last is not None
    assert (last.to_state, last.cause) == (SessionState.FAILED, WHY)


async def test_a_poisoned_stop_ends_too_and_the_sweep_takes_the_container(bench: Bench) -> None:
    session = await bench.launch()
    await drained(bench, SESSIONS)
    await sessions.request_stop(await bench.read(session), actor=SERVICE)

    await session_fails(bench.context, session.id, WHY)

    assert (await bench.read(session)).state is SessionState.FAILED
    assert len(await bench.engine.list({})) == 1
    await sweep(bench.runtime)
    assert await bench.engine.list({}) == []


async def test_a_session_that_has_ended_or_gone_is_left_alone(bench: Bench) -> None:
    session = await bench.launch()
    await sessions.request_stop(session, actor=SERVICE)

    await session_fails(bench.context, session.id, WHY)
    await session_fails(bench.context, session.id + 1, WHY)

    assert (await bench.read(session)).state is SessionState.STOPPED


async def test_whoever_still_holds_a_claim_writes_nothing_more(bench: Bench) -> None:
    session = await bench.launch()
    held = await session_claims.claim_launch(session.id, bench.kernel.settings)
    assert held is not None
    await session_fails(bench.context, session.id, WHY)

    with pytest.raises(Conflict):
        await session_claims.mark_running(held, "local", "127.0.0.1", 1, 1)

    assert (await bench.read(session)).state is SessionState.FAILED


async def test_a_poisoned_import_ends_as_failed(bench: Bench) -> None:
    image = await Image.create(workstation_id=bench.image.workstation_id, state=ImageState.IMPORTING)

    await image_fails(bench.context, image.id, WHY)
    await image_fails(bench.context, bench.image.id, WHY)

    assert ((failed := await Image.get(id=image.id)).state, failed.reason) == (ImageState.FAILED, WHY)
    assert (await Image.get(id=bench.image.id)).state is ImageState.READY
    assert await Session.all().count() == 0
