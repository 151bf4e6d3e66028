"""The functions of Lambda, called as the platform calls them, over everything real but the engine."""

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
from tests.functions.environment import REGION, FunctionHouse
from tests.services.aws import Aws

QUEUE = region_queue(REGION)
Handler = Callable[[Any, Any], dict[str, Any]]


class Context:
    """A call with so much time."""

    def __init__(self, seconds: float = 15) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture(autouse=True)
def configured(house: FunctionHouse, monkeypatch: pytest.MonkeyPatch, keys: None) -> Iterator[None]:
    """The environment of the function."""
    for name, value in house.environment().items():
        monkeypatch.setenv(name, value)
    handlers.settings.cache_clear()
    yield
    handlers.settings.cache_clear()


async def called(handler: Handler, event: object, seconds: float = 15) -> dict[str, Any]:
    """Call in a thread, since the platform's process runs no loop."""
    return await asyncio.to_thread(handler, event, Context(seconds))


def records(*bodies: object) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


def bell_of(queue: str) -> str:
    return waker.message(queue).decode()


@pytest.mark.parametrize("event", [{}, {"queue": QUEUE}, records(bell_of(QUEUE), bell_of(QUEUE))])
async def test_a_call_launches_what_was_asked_for(house: FunctionHouse, event: dict[str, Any]) -> None:
    await house.launch(3)

    done = await called(handlers.sessions, event)

    assert done["done"] >= 3
    assert done["due"] == 0
    assert await house.states() == [SessionState.RUNNING] * 3


async def test_warm_calls_follow_one_another(house: FunctionHouse) -> None:
    for _ in range(3):
        await house.launch()
        assert (await called(handlers.sessions, {}))["done"] >= 1

    assert await house.states() == [SessionState.RUNNING] * 3


async def test_four_calls_at_once_in_one_process_do_not_disturb_one_another(house: FunctionHouse) -> None:
    await house.launch(12)

    await asyncio.gather(*(called(handlers.sessions, {}) for _ in range(4)))

    assert await house.states() == [SessionState.RUNNING] * 12
    assert set(house.engine.creates().values()) == {1}


async def test_a_message_that_is_no_bell_of_ours_goes_back_alone(house: FunctionHouse) -> None:
    await house.launch()

    done = await called(
        handlers.sessions, records("ring!", bell_of(QUEUE), bell_of(region_queue("us")), bell_of(import_queue(REGION)))
    )

    assert done["batchItemFailures"] == [{"itemIdentifier": key} for key in ("0", "2", "3")]
    assert await house.states() == [SessionState.RUNNING]


async def test_messages_of_which_none_is_ours_start_nothing(house: FunctionHouse) -> None:
    await house.launch()

    done = await called(handlers.sessions, records(bell_of(region_queue("us"))))

    assert done == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert await house.states() == [SessionState.QUEUED]


async def test_the_sweep_looks_after_the_chores_that_its_schedule_names(
    house: FunctionHouse, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARREL_STORAGE_URL", await asyncio.to_thread(aws.bucket, "swept"))
    handlers.settings.cache_clear()
    await house.launch()
    await house.kernel.redis.flushall()

    done = await called(handlers.sweep, {"chores": ["launches", "reconcile", "uploads"]})

    assert done == {"chores": ["launches", "reconcile", "uploads"]}
    assert await house.kernel.queue.depth(QUEUE) == 1


async def test_a_sweep_without_a_bucket_is_refused(house: FunctionHouse) -> None:
    with pytest.raises(BadInput, match="CARREL_STORAGE_URL"):
        await called(handlers.sweep, {"chores": ["relay"]})


async def test_a_limit_too_short_for_a_job_is_refused_and_loses_nothing(house: FunctionHouse) -> None:
    await house.launch()

    with pytest.raises(CarrelError, match="give the function at least"):
        await called(handlers.sessions, {}, seconds=4)

    assert await house.kernel.queue.depth(QUEUE) == 1


class TestByBell:
    """The API rings through SQS, and so does a call that leaves work."""

    @pytest.fixture
    def queue_url(self, aws: Aws, keys: None) -> str:
        return aws.queue(f"bell-{token_hex(4)}")

    @pytest.fixture
    def changes(self, queue_url: str) -> dict[str, object]:
        return {"bells": {"sessions": f"sqs+{queue_url}"}}

    async def test_a_launch_rings_once_and_the_call_hears_it(
        self, house: FunctionHouse, aws: Aws, queue_url: str
    ) -> None:
        await house.launch(5)
        rung = await asyncio.to_thread(aws.received, queue_url)
        assert [json.loads(message["Body"]) for message in rung] == [{"queue": QUEUE}]

        event = {"Records": [{"messageId": message["MessageId"], "body": message["Body"]} for message in rung]}
        done = await called(handlers.sessions, event)

        assert (done["batchItemFailures"], done["due"]) == ([], 0)
        assert await house.states() == [SessionState.RUNNING] * 5
        assert not await house.kernel.redis.exists(waker.token_of(QUEUE))

    async def test_work_that_is_left_when_time_is_short_rings_again(
        self, house: FunctionHouse, aws: Aws, queue_url: str
    ) -> None:
        for number in range(300):
            await house.kernel.queue.enqueue("session_check", 10_000 + number, queue=QUEUE)

        done = await called(handlers.sessions, {}, seconds=6.05)

        assert done["is_out_of_time"]
        assert done["due"] > 0
        assert len(await asyncio.to_thread(aws.received, queue_url)) == 1
