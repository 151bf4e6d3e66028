"""The sweep: what should move is asked for again, and one bad item blocks no other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import now
from core.database.connection import transaction
from core.engine.fake.engine import Behaviour
from core.messaging import outbox
from core.messaging.dispatcher import Dispatcher
from core.messaging.outbox import OutboxMessage
from core.queue import import_queue, region_queue
from core.storage.object_store import Storage
from jobs.periodic import _each, sweep
from jobs.sessions.launch import session_launch
from models.accounts.users import Token, TokenKind
from models.data.uploads import Upload, UploadState
from models.permissions.actor import SERVICE, Actor
from models.services.accounts import users
from models.services.sessions import session_lifetime, sessions
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Reason, Session, SessionState
from tests.core.sample_archives import stream
from tests.jobs.conftest import Bench

QUEUE = region_queue("local")


async def _forget_jobs(bench: Bench) -> None:
    await bench.kernel.redis.flushall()


async def test_everything_that_redis_forgot_is_asked_for_again(bench: Bench) -> None:
    queued = await bench.launch()
    await Image.create(workstation_id=bench.image.workstation_id, state=ImageState.QUEUED)
    await _forget_jobs(bench)
    assert await bench.kernel.queue.depth(QUEUE) == 0

    await sweep(bench.runtime)

    assert await bench.kernel.queue.depth(QUEUE) == 1
    assert await bench.kernel.queue.depth(import_queue("local")) == 1
    assert (await bench.read(queued)).state is SessionState.QUEUED


async def test_a_launch_and_a_stop_whose_worker_died_are_asked_for_again(bench: Bench) -> None:
    session = await bench.launch()
    await Session.filter(id=session.id).update(state=SessionState.STARTING, lease_until=now() - timedelta(seconds=1))
    await _forget_jobs(bench)
    await sweep(bench.runtime)
    assert await bench.kernel.queue.depth(QUEUE) == 1

    await Session.filter(id=session.id).update(state=SessionState.STOPPING)
    await _forget_jobs(bench)
    await sweep(bench.runtime)
    assert await bench.kernel.queue.depth(QUEUE) == 1


async def test_what_a_worker_holds_is_left_to_it(bench: Bench) -> None:
    session = await bench.launch()
    await Session.filter(id=session.id).update(state=SessionState.STARTING, lease_until=now() + timedelta(minutes=1))
    await _forget_jobs(bench)

    await sweep(bench.runtime)

    assert await bench.kernel.queue.depth(QUEUE) == 0


async def test_a_sender_that_died_is_stood_in_for(bench: Bench) -> None:
    outbox.use(None)
    async with transaction():
        outbox.enqueue("session_check", 1, queue=QUEUE)
    await OutboxMessage.all().update(leased_until=now() - timedelta(seconds=1))
    outbox.use(Dispatcher(bench.kernel.queue, bench.kernel.bus))

    await sweep(bench.runtime)

    assert await OutboxMessage.all().count() == 0
    assert await bench.kernel.queue.depth(QUEUE) == 1


async def test_one_bad_item_does_not_block_the_others() -> None:
    done: list[int] = []

    async def act(item: int) -> None:
        if item == 2:
            raise ZeroDivisionError
        done.append(item)

    await _each([1, 2, 3], act)

    assert done == [1, 3]


async def test_a_dead_engine_does_not_keep_time_from_passing(bench: Bench) -> None:
    late = await bench.launch()
    await Session.filter(id=late.id).update(expires_at=now() - timedelta(seconds=1))
    upload = await _overdue(bench)
    bench.engine.behaviour = Behaviour(dead=True)

    await sweep(bench.runtime)

    assert (await bench.read(late)).state is SessionState.EXPIRED
    assert not await Upload.exists(id=upload.id)


async def _overdue(bench: Bench, state: UploadState = UploadState.COMPLETE, key: str = "uploads/old") -> Upload:
    await bench.kernel.storage.put(key, stream(b"old"), limit=None)
    return await Upload.create(
        creator_id=bench.principal.user_id,
        filename="old",
        storage_key=key,
        state=state,
        expires_at=now() - timedelta(seconds=1),
    )


async def test_uploads_that_nobody_used_are_deleted_with_their_bytes(bench: Bench) -> None:
    old = await _overdue(bench)
    used = await _overdue(bench, UploadState.USED, "uploads/used")

    await sweep(bench.runtime)

    assert await Upload.all().values_list("id", flat=True) == [used.id]
    storage: Storage = bench.kernel.storage
    assert not await storage.exists(old.storage_key)
    assert await storage.exists(used.storage_key)


async def test_a_container_of_another_installation_is_left_alone(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    (ours,) = await bench.engine.list(bench.runtime.labels)
    other = bench.kernel.settings.model_copy(update={"instance": "other"})
    stranger = type(bench.runtime)(other, bench.engine, bench.kernel.storage, "local", "http://api")

    await Session.filter(id=session.id).update(state=SessionState.STOPPED)
    await sweep(stranger)

    assert await bench.engine.inspect(ours.name)


async def test_a_session_whose_container_is_gone_fails_and_the_others_run_on(bench: Bench) -> None:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    kept, _ = await sessions.launch(
        await Image.create(
            workstation_id=bench.image.workstation_id, state=ImageState.READY, reference="viewer:2", http_port=8080
        ),
        bench.region,
        bench.kernel.settings,
        actor=Actor.of(bench.principal),
    )
    await session_launch(bench.context, kept.id)
    await bench.engine.remove(bench.runtime.container_name(session))

    await sweep(bench.runtime)

    row = await bench.read(session)
    assert (row.state, row.reason_code) == (SessionState.FAILED, Reason.CONTAINER_LOST)
    assert (await bench.read(kept)).state is SessionState.RUNNING


async def test_ended_tokens_are_forgotten_after_a_month(bench: Bench) -> None:
    token, _ = await users.mint_token(bench.principal.user_id, TokenKind.API, actor=SERVICE, lifetime=None)
    await Token.filter(id=token.id).update(revoked_at=now() - timedelta(days=40))

    await sweep(bench.runtime)

    assert not await Token.exists(id=token.id)


async def test_a_region_that_does_not_exist_is_logged_and_no_more(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await sweep(type(bench.runtime)(bench.kernel.settings, bench.engine, bench.kernel.storage, "nowhere", "http://api"))

    assert "there is no region nowhere" in caplog.text


async def _running_since(bench: Bench, minutes: float, used: float | None) -> Session:
    session = await bench.launch()
    await session_launch(bench.context, session.id)
    at = now()
    await Session.filter(id=session.id).update(
        running_at=at - timedelta(minutes=minutes),
        last_active_at=at - timedelta(minutes=used) if used is not None else None,
    )
    return session


@pytest.mark.parametrize(
    ("limit", "used", "ends"), [(0, 600.0, False), (600, None, True), (600, 11.0, True), (600, 9.0, False)]
)
async def test_a_session_in_which_nobody_works_is_ended_where_the_house_wants_it(
    bench: Bench, limit: int, used: float | None, ends: bool
) -> None:
    session = await _running_since(bench, 1000, used)
    settings = bench.kernel.settings.model_copy(update={"session_idle_seconds": limit})

    await sweep(replace(bench.runtime, settings=settings))

    row = await bench.read(session)
    wanted = (SessionState.STOPPING, Reason.IDLE) if ends else (SessionState.RUNNING, None)
    assert (row.state, row.reason_code) == wanted


async def test_use_and_a_sign_of_life_from_the_container_put_the_idle_end_off(bench: Bench) -> None:
    session = await _running_since(bench, 1000, 11)
    await bench.kernel.doors.used(session.id)
    assert await session_lifetime.idle(bench.region.id, 600, 10) == []

    await Session.filter(id=session.id).update(last_active_at=now() - timedelta(minutes=11))
    assert [row.id for row in await session_lifetime.idle(bench.region.id, 600, 10)] == [session.id]
    settings = bench.kernel.settings
    await session_lifetime.keep_alive(await bench.read(session), settings.session_seconds * 2, settings, actor=SERVICE)
    assert await session_lifetime.idle(bench.region.id, 600, 10) == []
