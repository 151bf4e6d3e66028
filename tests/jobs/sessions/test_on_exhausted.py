"""A job without retries left sets its row to a failed state with the reason, unless the row has changed."""

import pytest

from core.errors import Conflict
from core.queue import Job, drain
from core.queue.job_spec import MAX_FAILURES
from jobs.periodic import sweep
from jobs.queues import SESSION_QUEUE, JobQueue
from jobs.sessions.on_exhausted import fail_image, fail_session
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.permissions.principal import SERVICE
from models.services.sessions import session_runs, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from tests.jobs.conftest import JobEnv

REASON = "It failed 5 times because of an internal error (ZeroDivisionError); see the log."


async def _fail(context: object, session_id: int) -> None:
    raise ZeroDivisionError


POISON = JobQueue(
    SESSION_QUEUE.kind,
    {Job.SESSION_LAUNCH: _fail, Job.SESSION_STOP: _fail},
    SESSION_QUEUE.seconds,
    on_exhausted=SESSION_QUEUE.on_exhausted,
)


async def drain_queue(job_env: JobEnv, queue: JobQueue = POISON) -> None:
    """Run due jobs with failing functions, or with the real ones."""
    specs = queue.specs(job_env.services.settings)
    await drain(job_env.services.redis, queue.name("local"), specs, job_env.context, budget=10)


async def test_poisoned_launch_fails_and_frees_its_slot(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await job_env.services.redis.flushall()
    for _ in range(MAX_FAILURES):
        assert (await job_env.read(session)).state is SessionState.QUEUED
        await job_env.services.queue.enqueue(Job.SESSION_LAUNCH, session.id, queue=POISON.name("local"), key="poison")
        await drain_queue(job_env)

    row = await job_env.read(session)
    assert (row.state, row.reason_code, row.reason) == (SessionState.FAILED, Reason.JOB_FAILED, REASON)
    last = await HistoryEntry.filter(resource=Resource.SESSION, object_id=session.id).order_by("-id").first()
    assert last is not None
    assert (last.to_state, last.cause) == (SessionState.FAILED, REASON)


async def test_poisoned_stop_fails_and_sweep_removes_container(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await drain_queue(job_env, SESSION_QUEUE)
    await sessions.request_stop(await job_env.read(session), actor=SERVICE)

    await fail_session(job_env.context, session.id, REASON)

    assert (await job_env.read(session)).state is SessionState.FAILED
    assert len(await job_env.engine.list({})) == 1
    await sweep(job_env.region_context)
    assert await job_env.engine.list({}) == []


async def test_ended_or_deleted_session_is_left_alone(job_env: JobEnv) -> None:
    session = await job_env.launch()
    await sessions.request_stop(session, actor=SERVICE)

    await fail_session(job_env.context, session.id, REASON)
    await fail_session(job_env.context, session.id + 1, REASON)

    assert (await job_env.read(session)).state is SessionState.STOPPED


async def test_stale_claim_writes_nothing(job_env: JobEnv) -> None:
    session = await job_env.launch()
    claimed = await session_runs.claim_launch(session.id, job_env.services.settings)
    assert claimed is not None
    await fail_session(job_env.context, session.id, REASON)

    with pytest.raises(Conflict):
        await session_runs.mark_running(claimed, "local", "127.0.0.1", 1, 1)

    assert (await job_env.read(session)).state is SessionState.FAILED


async def test_poisoned_import_fails(job_env: JobEnv) -> None:
    image = await Image.create(workstation_id=job_env.image.workstation_id, state=ImageState.IMPORTING)

    await fail_image(job_env.context, image.id, REASON)
    await fail_image(job_env.context, job_env.image.id, REASON)

    assert ((failed := await Image.get(id=image.id)).state, failed.reason) == (ImageState.FAILED, REASON)
    assert (await Image.get(id=job_env.image.id)).state is ImageState.READY
    assert await Session.all().count() == 0
