"""The archive under Lambda's own runtime client: cold, warm, frozen, thawed, killed at its time limit."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import now
from core.messaging.outbox import OutboxMessage
from core.queue import region_queue
from models.accounts.history import HistoryEntry
from models.accounts.roles import Resource
from models.services.accounts import users
from models.sessions.sessions import Session, SessionState
from tests.functions.environment import REGION, FunctionEnvironment
from tests.services.aws import KEYS, Aws
from tests.services.local_lambda import Invocation, Sandbox
from tests.waiting import eventually

QUEUE = region_queue(REGION)
Opened = Callable[..., Sandbox]


@pytest.fixture
def sandbox(unpacked: dict[str, Path], runtime: Path, function_env: FunctionEnvironment) -> Iterator[Opened]:
    """Open sandboxes of the archive; the fixture closes them."""
    opened: list[Sandbox] = []

    def open_one(handler: str = "sessions", *, timeout: float = 20.0, **environment: str) -> Sandbox:
        archive = "sessions" if handler == "sessions" else "files"
        paths = [unpacked[archive], runtime]
        variables = function_env.process_variables(**KEYS, **environment)
        one = Sandbox(
            f"jobs.functions.aws_lambda.{handler}",
            paths,
            variables,
            timeout,
            log=function_env.settings.data_dir / "lambda.log",
        )
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


async def called(sandbox: Sandbox, event: Any = None, **how: Any) -> Invocation:
    return await asyncio.to_thread(sandbox.invoke, event or {}, **how)


async def test_cold_start_then_warm_calls_between_freezes(function_env: FunctionEnvironment, sandbox: Opened) -> None:
    one = sandbox()
    calls = []
    for _ in range(4):
        await function_env.launch()
        calls.append(await called(one))

    assert [call.outcome for call in calls] == ["response"] * 4, calls
    assert [call.is_cold for call in calls] == [True, False, False, False]
    assert await function_env.states() == [SessionState.RUNNING] * 4
    assert all(call.payload["due"] == 0 for call in calls)


async def test_call_killed_at_time_limit_loses_nothing(function_env: FunctionEnvironment, sandbox: Opened) -> None:
    await function_env.launch(5)
    slow = function_env.settings.docker_host + "&call_seconds=0.5"

    ended = await called(sandbox(DOCKER_HOST=slow), killed_after=1.5)
    assert ended.outcome == "timeout"
    assert SessionState.STARTING in await function_env.states()

    await _expire_leases()
    await function_env.services.redis.flushall()
    again = sandbox("sweep", CARREL_STORAGE_URL="s3://nothing?endpoint=http://127.0.0.1:9&region=us-east-1")
    await called(again, {"tasks": ["launches"]})
    await called(sandbox())

    assert await function_env.states() == [SessionState.RUNNING] * 5
    assert set(function_env.engine.creation_counts().values()) == {1}


async def test_thawed_call_with_lost_claim_writes_nothing(function_env: FunctionEnvironment, sandbox: Opened) -> None:
    """The first call sleeps past its lease; the second takes over the work."""
    (session,) = await function_env.launch()
    slow = sandbox(DOCKER_HOST=function_env.settings.docker_host + "&call_seconds=0.4")
    first = asyncio.create_task(called(slow))
    await eventually(lambda: Session.filter(id=session.id, state=SessionState.STARTING).exists(), 15)
    holding = asyncio.create_task(asyncio.to_thread(slow.freeze_for, 6.0))

    await _expire_leases()
    await function_env.services.queue.enqueue("session_launch", session.id, queue=QUEUE)
    await called(sandbox())
    taken = await Session.get(id=session.id)
    moves = await HistoryEntry.filter(object_id=session.id, to_state=SessionState.RUNNING).count()
    await holding
    await first

    thawed = await Session.get(id=session.id)
    assert (taken.state, thawed.state, thawed.fence) == (SessionState.RUNNING, SessionState.RUNNING, taken.fence)
    assert thawed.running_at == taken.running_at
    assert moves == await HistoryEntry.filter(object_id=session.id, to_state=SessionState.RUNNING).count() == 1
    assert set(function_env.engine.creation_counts().values()) == {1}
    assert len(await function_env.engine.list({})) == 1


async def _expire_leases() -> None:
    await Session.filter(state=SessionState.STARTING).update(lease_until=now())


async def test_impossible_settings_end_start_with_sentence(sandbox: Opened) -> None:
    with pytest.raises(RuntimeError, match="cannot use SQLite; use PostgreSQL"):
        await called(sandbox(DATABASE_URL="sqlite:///tmp/carrel.sqlite3"))


async def test_concurrent_calls_drain_thousand_jobs_exactly_once(
    function_env: FunctionEnvironment, sandbox: Opened
) -> None:
    """A thousand stops, every tenth enqueued twice; each session stops once, in the history too."""
    keys = await _stopping(function_env, 1000)
    for number, key in enumerate([*keys, *keys[::10]]):
        await function_env.services.queue.enqueue("session_stop", key, queue=QUEUE, key=f"stop:{key}:{number // 1000}")

    ends: list[Invocation] = []
    while await function_env.services.redis.zcard(QUEUE):
        ends += await asyncio.gather(*(called(one) for one in [sandbox(timeout=60.0) for _ in range(3)]))

    assert {end.outcome for end in ends} == {"response"}
    assert sum(end.payload["done"] for end in ends) == 1100
    assert sum(end.payload["done"] > 0 for end in ends) >= 3, "they shared the work"
    assert await Session.filter(state=SessionState.STOPPED, fence=1).count() == 1000
    assert await HistoryEntry.filter(resource=Resource.SESSION, to_state=SessionState.STOPPED).count() == 1000
    assert await OutboxMessage.all().count() == 0


async def _stopping(function_env: FunctionEnvironment, count: int) -> list[int]:
    person = await users.register("reader", None)
    until = now() + timedelta(hours=1)
    rows = [
        Session(
            image=function_env.image,
            region=function_env.region,
            creator=person,
            label=f"s{number}",
            maximum_seconds=60,
            expires_at=until,
            state=SessionState.STOPPING,
            outcome=SessionState.STOPPED,
        )
        for number in range(count)
    ]
    await Session.bulk_create(rows)
    return [int(str(key)) for key in await Session.all().order_by("id").values_list("id", flat=True)]


class TestWokenBySqs:
    """From the mutation's commit to the running session, over SQS."""

    @pytest.fixture
    def queue_url(self, aws: Aws, keys: None) -> str:
        return aws.queue(f"wake-{id(self)}")

    @pytest.fixture
    def changes(self, queue_url: str) -> dict[str, object]:
        return {"function_urls": {"sessions": f"sqs+{queue_url}"}}

    async def test_wakeup_of_launch_starts_session(
        self, function_env: FunctionEnvironment, sandbox: Opened, aws: Aws, queue_url: str
    ) -> None:
        one = sandbox()
        for count in (1, 2, 3):
            await function_env.launch()
            rung = await eventually(lambda: asyncio.to_thread(aws.received, queue_url))
            records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in rung]

            done = await called(one, {"Records": records})

            assert done.payload["batchItemFailures"] == [], done
            assert await function_env.states() == [SessionState.RUNNING] * count
