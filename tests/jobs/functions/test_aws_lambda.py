"""The Lambda handlers, called as Lambda calls them, over real services and a fake engine."""

import asyncio
import json
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import pytest

from core.errors import BadInput, CarrelError
from core.queue import import_queue, region_queue
from core.queue.functions import waker
from jobs.functions import aws_lambda as handlers
from models.sessions.sessions import SessionState
from tests.functions.environment import REGION, FunctionEnvironment
from tests.services.aws import Aws

QUEUE = region_queue(REGION)
Handler = Callable[[Any, Any], dict[str, Any]]


class Context:
    """The context of a call with `seconds` left."""

    def __init__(self, seconds: float = 15) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture(autouse=True)
def configured(function_env: FunctionEnvironment, monkeypatch: pytest.MonkeyPatch, keys: None) -> Iterator[None]:
    """The environment variables of the function."""
    for name, value in function_env.process_variables().items():
        monkeypatch.setenv(name, value)
    handlers.get_settings.cache_clear()
    yield
    handlers.get_settings.cache_clear()


async def called(handler: Handler, event: object, seconds: float = 15) -> dict[str, Any]:
    """Call in a thread, because Lambda's process runs no event loop."""
    return await asyncio.to_thread(handler, event, Context(seconds))


def records(*bodies: object) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def wakeup_for(queue: str) -> str:
    return waker.wakeup_message(queue).decode()


@pytest.mark.parametrize("event", [{}, {"queue": QUEUE}, records(wakeup_for(QUEUE), wakeup_for(QUEUE))])
async def test_call_launches_queued_sessions(function_env: FunctionEnvironment, event: dict[str, Any]) -> None:
    await function_env.launch(3)

    done = await called(handlers.sessions, event)

    assert done["done"] >= 3
    assert done["due"] == 0
    assert await function_env.states() == [SessionState.RUNNING] * 3


async def test_warm_calls_work_in_sequence(function_env: FunctionEnvironment) -> None:
    for _ in range(3):
        await function_env.launch()
        assert (await called(handlers.sessions, {}))["done"] >= 1

    assert await function_env.states() == [SessionState.RUNNING] * 3


async def test_concurrent_calls_in_one_process_are_independent(function_env: FunctionEnvironment) -> None:
    await function_env.launch(12)

    await asyncio.gather(*(called(handlers.sessions, {}) for _ in range(4)))

    assert await function_env.states() == [SessionState.RUNNING] * 12
    assert set(function_env.engine.creation_counts().values()) == {1}


async def test_unknown_messages_go_back_alone(function_env: FunctionEnvironment) -> None:
    await function_env.launch()

    done = await called(
        handlers.sessions,
        records("wake!", wakeup_for(QUEUE), wakeup_for(region_queue("us")), wakeup_for(import_queue(REGION))),
    )

    assert done["batchItemFailures"] == [{"itemIdentifier": key} for key in ("0", "2", "3")]
    assert await function_env.states() == [SessionState.RUNNING]


async def test_batch_of_unknown_messages_starts_nothing(function_env: FunctionEnvironment) -> None:
    await function_env.launch()

    done = await called(handlers.sessions, records(wakeup_for(region_queue("us"))))

    assert done == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert await function_env.states() == [SessionState.QUEUED]


async def test_sweep_runs_the_scheduled_tasks(
    function_env: FunctionEnvironment, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARREL_STORAGE_URL", await asyncio.to_thread(aws.bucket, "swept"))
    handlers.get_settings.cache_clear()
    await function_env.launch()
    await function_env.services.redis.flushall()

    done = await called(handlers.sweep, {"tasks": ["launches", "reconcile", "uploads"]})

    assert done == {"tasks": ["launches", "reconcile", "uploads"]}
    assert await function_env.services.queue.depth(QUEUE) == 1


async def test_sweep_without_bucket_is_refused(function_env: FunctionEnvironment) -> None:
    with pytest.raises(BadInput, match="CARREL_STORAGE_URL"):
        await called(handlers.sweep, {"tasks": ["relay"]})


async def test_too_short_time_limit_loses_nothing(function_env: FunctionEnvironment) -> None:
    await function_env.launch()

    with pytest.raises(CarrelError, match="give the function at least"):
        await called(handlers.sessions, {}, seconds=4)

    assert await function_env.services.queue.depth(QUEUE) == 1


class TestWokenBySqs:
    """The API sends wake-ups through SQS, and so does a call that leaves jobs."""

    @pytest.fixture
    def queue_url(self, aws: Aws, keys: None) -> str:
        return aws.queue(f"wake-{token_hex(4)}")

    @pytest.fixture
    def changes(self, queue_url: str) -> dict[str, object]:
        return {"function_urls": {"sessions": f"sqs+{queue_url}"}}

    async def test_launches_send_one_wakeup_and_call_acknowledges(
        self, function_env: FunctionEnvironment, aws: Aws, queue_url: str
    ) -> None:
        await function_env.launch(5)
        rung = await asyncio.to_thread(aws.received, queue_url)
        assert [json.loads(message["Body"]) for message in rung] == [{"queue": QUEUE}]

        event = {"Records": [{"messageId": message["MessageId"], "body": message["Body"]} for message in rung]}
        done = await called(handlers.sessions, event)

        assert (done["batchItemFailures"], done["due"]) == ([], 0)
        assert await function_env.states() == [SessionState.RUNNING] * 5
        assert not await function_env.services.redis.exists(waker.wakeup_key(QUEUE))

    async def test_remaining_work_sends_another_wakeup(
        self, function_env: FunctionEnvironment, aws: Aws, queue_url: str
    ) -> None:
        for number in range(300):
            await function_env.services.queue.enqueue("session_check", 10_000 + number, queue=QUEUE)

        done = await called(handlers.sessions, {}, seconds=6.05)

        assert done["is_out_of_time"]
        assert done["due"] > 0
        assert len(await asyncio.to_thread(aws.received, queue_url)) == 1
