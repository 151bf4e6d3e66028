"""The periodic tasks: each runs in its interval, and one that fails does not block the others."""

from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.engine.fake.engine import FaultProfile
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.outbox import OutboxMessage
from core.queue import region_queue
from core.settings import Settings
from jobs.periodic import PERIODIC_TASKS, Interval, sweep
from models.accounts.tokens import Token, TokenKind
from models.data.uploads import Upload
from models.permissions.principal import SERVICE
from models.services.accounts import tokens
from models.sessions.sessions import Session, SessionState
from tests.jobs.conftest import JobEnv
from tests.jobs.data.job_env import create_overdue_upload

QUEUE = region_queue("local")


def test_every_periodic_task_has_name_and_interval() -> None:
    names = [task.name for task in PERIODIC_TASKS]

    assert len(names) == len(set(names))
    assert {task.interval for task in PERIODIC_TASKS} == set(Interval)
    settings = Settings(sweep_seconds=7)
    assert (Interval.MINUTE.seconds(settings), Interval.HOUR.seconds(settings)) == (7, 3600)


async def test_sweep_relays_messages_of_dead_sender(job_env: JobEnv) -> None:
    outbox.set_sender(None)
    async with transaction():
        outbox.enqueue("session_check", 1, queue=QUEUE)
    await OutboxMessage.all().update(leased_until=now() - timedelta(seconds=1))
    outbox.set_sender(Dispatcher(job_env.services.queue, job_env.services.bus))

    await sweep(job_env.region_context)

    assert await OutboxMessage.all().count() == 0
    assert await job_env.services.queue.depth(QUEUE) == 1


async def test_sessions_expire_while_engine_is_down(job_env: JobEnv) -> None:
    late = await job_env.launch()
    await Session.filter(id=late.id).update(expires_at=now() - timedelta(seconds=1))
    upload = await create_overdue_upload(job_env.services.storage, job_env.principal.user_id)
    job_env.engine.faults = FaultProfile(unreachable=True)

    await sweep(job_env.region_context)

    assert (await job_env.read(late)).state is SessionState.EXPIRED
    assert not await Upload.exists(id=upload.id)


async def test_ended_tokens_are_purged_after_a_month(job_env: JobEnv) -> None:
    token, _ = await tokens.mint(job_env.principal.user_id, TokenKind.API, actor=SERVICE, lifetime=None)
    await Token.filter(id=token.id).update(revoked_at=now() - timedelta(days=40))

    await sweep(job_env.region_context)

    assert not await Token.exists(id=token.id)


async def test_unknown_region_is_only_logged(job_env: JobEnv, caplog: pytest.LogCaptureFixture) -> None:
    await sweep(
        type(job_env.region_context)(
            job_env.services.settings, job_env.engine, job_env.services.storage, "nowhere", "http://api"
        )
    )

    assert "there is no region nowhere" in caplog.text
