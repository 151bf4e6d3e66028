"""The archive under Lambda's own runtime client: cold, warm, frozen and thawed, killed at its limit."""

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
from tests.functions.environment import REGION, FunctionHouse
from tests.services.aws import KEYS, Aws
from tests.services.local_lambda import Invocation, Sandbox
from tests.waiting import eventually

QUEUE = region_queue(REGION)
Opened = Callable[..., Sandbox]


@pytest.fixture
def sandbox(unpacked: dict[str, Path], runtime: Path, house: FunctionHouse) -> Iterator[Opened]:
    """Open sandboxes of the archive; all are closed at the end."""
    opened: list[Sandbox] = []

    def open_one(handler: str = "sessions", *, timeout: float = 20.0, **environment: str) -> Sandbox:
        archive = "sessions" if handler == "sessions" else "files"
        paths = [unpacked[archive], runtime]
        told = house.environment(**KEYS, **environment)
        one = Sandbox(
            f"jobs.functions.aws_lambda.{handler}", paths, told, timeout, log=house.settings.data_dir / "lambda.log"
        )
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


async def called(sandbox: Sandbox, event: Any = None, **how: Any) -> Invocation:
    return await asyncio.to_thread(sandbox.invoke, event or {}, **how)


async def test_cold_then_warm_with_a_freeze_between(house: FunctionHouse, sandbox: Opened) -> None:
    one = sandbox()
    calls = []
    for _ in range(4):
        await house.launch()
        calls.append(await called(one))

    assert [call.outcome for call in calls] == ["response"] * 4, calls
    assert [call.is_cold for call in calls] == [True, False, False, False]
    assert await house.states() == [SessionState.RUNNING] * 4
    assert all(call.payload["due"] == 0 for call in calls)


async def test_killed_at_its_limit_it_loses_nothing(house: FunctionHouse, sandbox: Opened) -> None:
    await house.launch(5)
    slow = house.settings.docker_host + "&call_seconds=0.5"

    ended = await called(sandbox(DOCKER_HOST=slow), killed_after=1.5)
    assert ended.outcome == "timeout"
    assert SessionState.STARTING in await house.states()

    await _leases_are_over()
    await house.kernel.redis.flushall()
    again = sandbox("sweep", CARREL_STORAGE_URL="s3://nothing?endpoint=http://127.0.0.1:9&region=us-east-1")
    await called(again, {"chores": ["launches"]})
    await called(sandbox())

    assert await house.states() == [SessionState.RUNNING] * 5
    assert set(house.engine.creates().values()) == {1}


async def test_one_that_was_frozen_in_its_work_writes_nothing_when_it_is_thawed(
    house: FunctionHouse, sandbox: Opened
) -> None:
    """The first holds the claim, sleeps past its lease, and finds its work done by the second."""
    (session,) = await house.launch()
    slow = sandbox(DOCKER_HOST=house.settings.docker_host + "&call_seconds=0.4")
    first = asyncio.create_task(called(slow))
    await eventually(lambda: Session.filter(id=session.id, state=SessionState.STARTING).exists(), 15)
    holding = asyncio.create_task(asyncio.to_thread(slow.hold, 6.0))

    await _leases_are_over()
    await house.kernel.queue.enqueue("session_launch", session.id, queue=QUEUE)
    await called(sandbox())
    taken = await Session.get(id=session.id)
    moves = await HistoryEntry.filter(object_id=session.id, to_state=SessionState.RUNNING).count()
    await holding
    await first

    thawed = await Session.get(id=session.id)
    assert (taken.state, thawed.state, thawed.fence) == (SessionState.RUNNING, SessionState.RUNNING, taken.fence)
    assert thawed.running_at == taken.running_at
    assert moves == await HistoryEntry.filter(object_id=session.id, to_state=SessionState.RUNNING).count() == 1
    assert set(house.engine.creates().values()) == {1}
    assert len(await house.engine.list({})) == 1


async def _leases_are_over() -> None:
    await Session.filter(state=SessionState.STARTING).update(lease_until=now())


async def test_settings_that_no_function_can_use_end_its_start_with_a_sentence(sandbox: Opened) -> None:
    with pytest.raises(RuntimeError, match="cannot use SQLite; name a PostgreSQL"):
        await called(sandbox(DATABASE_URL="sqlite:///tmp/carrel.sqlite3"))


async def test_concurrent_calls_drain_a_thousand_jobs_with_each_effect_once(
    house: FunctionHouse, sandbox: Opened
) -> None:
    """A thousand sessions that are to be stopped, every tenth asked for twice: each stops once, in the history too."""
    keys = await _stopping(house, 1000)
    for number, key in enumerate([*keys, *keys[::10]]):
        await house.kernel.queue.enqueue("session_stop", key, queue=QUEUE, key=f"stop:{key}:{number // 1000}")

    ends: list[Invocation] = []
    while await house.kernel.redis.zcard(QUEUE):
        ends += await asyncio.gather(*(called(one) for one in [sandbox(timeout=60.0) for _ in range(3)]))

    assert {end.outcome for end in ends} == {"response"}
    assert sum(end.payload["done"] for end in ends) == 1100
    assert sum(end.payload["done"] > 0 for end in ends) >= 3, "they shared the work"
    assert await Session.filter(state=SessionState.STOPPED, fence=1).count() == 1000
    assert await HistoryEntry.filter(resource=Resource.SESSION, to_state=SessionState.STOPPED).count() == 1000
    assert await OutboxMessage.all().count() == 0


async def _stopping(house: FunctionHouse, count: int) -> list[int]:
    person = await users.register("reader", None)
    until = now() + timedelta(hours=1)
    rows = [
        Session(
            image=house.image,
            region=house.region,
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


class TestWithTheQueueService:
    """From the mutation's commit to the running session, over SQS."""

    @pytest.fixture
    def queue_url(self, aws: Aws, keys: None) -> str:
        return aws.queue(f"bell-{id(self)}")

    @pytest.fixture
    def changes(self, queue_url: str) -> dict[str, object]:
        return {"bells": {"sessions": f"sqs+{queue_url}"}}

    async def test_a_launch_rings_and_the_message_starts_the_session(
        self, house: FunctionHouse, sandbox: Opened, aws: Aws, queue_url: str
    ) -> None:
        one = sandbox()
        for count in (1, 2, 3):
            await house.launch()
            rung = await eventually(lambda: asyncio.to_thread(aws.received, queue_url))
            records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in rung]

            done = await called(one, {"Records": records})

            assert done.payload["batchItemFailures"] == [], done
            assert await house.states() == [SessionState.RUNNING] * count
