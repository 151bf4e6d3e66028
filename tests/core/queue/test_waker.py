"""One wake-up serves many jobs, none is lost, and only signed ones are accepted."""

import asyncio
import hmac
import re
import time
from datetime import timedelta
from hashlib import sha256

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.queue import Job, JobSpec, Queue, drain, region_queue
from core.queue.functions import waker
from core.queue.functions.waker import FunctionWaker, is_signed, sign
from tests.tree import ROOT

QUEUE = region_queue("eu")
KEY = waker.wakeup_key(QUEUE)


class RecordingTransport:
    """A transport that records the delays of wake-ups, and can fail."""

    def __init__(self, *, can_delay: bool = True) -> None:
        self.can_delay = can_delay
        self.delays: list[int] = []
        self.error: BaseException | None = None

    async def send(self, body: bytes, delay: int) -> None:
        if self.error:
            raise self.error
        assert body == b'{"queue": "carrel:eu"}'
        self.delays.append(delay)


async def test_many_jobs_cause_one_wakeup_until_acknowledged(redis: Redis) -> None:
    transport = RecordingTransport()
    function_waker = FunctionWaker(redis, {"sessions": transport})

    assert [await function_waker.wake(QUEUE) for _ in range(3)] == [True, False, False]
    await waker.acknowledge_wakeup(redis, QUEUE)
    assert await function_waker.wake(QUEUE)

    assert transport.delays == [0, 0]


async def test_queue_without_transport_is_not_woken(redis: Redis) -> None:
    function_waker = FunctionWaker(redis, {"imports": RecordingTransport(), "us:sessions": RecordingTransport()})

    assert not await function_waker.wake(QUEUE)
    assert await redis.dbsize() == 0


async def test_region_may_have_its_own_transport(redis: Redis) -> None:
    general, own = RecordingTransport(), RecordingTransport()
    await FunctionWaker(redis, {"sessions": general, "eu:sessions": own}).wake(QUEUE)

    assert (general.delays, own.delays) == ([], [0])


async def test_failed_wakeup_deletes_its_key(redis: Redis) -> None:
    transport = RecordingTransport()
    transport.error = ConnectionError("refused")
    function_waker = FunctionWaker(redis, {"sessions": transport})

    assert not await function_waker.wake(QUEUE)
    transport.error = None

    assert await function_waker.wake(QUEUE)


async def test_cancelled_wakeup_deletes_its_key(redis: Redis) -> None:
    transport = RecordingTransport()
    transport.error = asyncio.CancelledError()

    with pytest.raises(asyncio.CancelledError):
        await FunctionWaker(redis, {"sessions": transport}).wake(QUEUE)

    assert not await redis.exists(KEY)


async def test_wakeup_key_expires(redis: Redis) -> None:
    await FunctionWaker(redis, {"sessions": RecordingTransport()}).wake(QUEUE)

    assert 0 < await redis.ttl(KEY) <= waker.WAKEUP_TTL_SECONDS


async def test_deferred_job_is_woken_at_its_time(redis: Redis) -> None:
    transport = RecordingTransport()
    function_waker = FunctionWaker(redis, {"sessions": transport})
    due = now().replace(microsecond=0) + timedelta(seconds=40)

    woken = [await function_waker.wake(QUEUE, due + timedelta(milliseconds=ms)) for ms in (-900, -100, 0, 500)]

    assert woken == [True, False, False, True]
    assert transport.delays in ([40, 41], [39, 40])
    assert await function_waker.wake(QUEUE), "a wake-up for later does not prevent one now"


@pytest.mark.parametrize(("can_delay", "seconds"), [(False, 5), (True, 1000)])
async def test_unsupported_delay_is_left_to_the_schedule(redis: Redis, can_delay: bool, seconds: int) -> None:
    transport = RecordingTransport(can_delay=can_delay)

    assert not await FunctionWaker(redis, {"sessions": transport}).wake(QUEUE, now() + timedelta(seconds=seconds))

    assert (transport.delays, await redis.dbsize()) == ([], 0)


async def test_overdue_job_wakes_now(redis: Redis) -> None:
    transport = RecordingTransport(can_delay=False)

    assert await FunctionWaker(redis, {"sessions": transport}).wake(QUEUE, now() - timedelta(seconds=5))


async def test_no_wakeup_is_ever_lost(redis: Redis) -> None:
    """Sixty rounds of twenty jobs, enqueued while drains start and end; only wake-ups start a drain."""
    done: list[int] = []
    running: set[asyncio.Task[object]] = set()

    async def job(_context: object, number: int) -> None:
        done.append(number)

    async def wake() -> None:
        await waker.acknowledge_wakeup(redis, QUEUE)
        await drain(redis, QUEUE, {Job.SESSION_CHECK: JobSpec(job, 1)}, {}, budget=10)

    class DrainingTransport(RecordingTransport):
        async def send(self, body: bytes, delay: int) -> None:
            task = asyncio.create_task(wake())
            running.add(task)
            task.add_done_callback(running.discard)

    queue, function_waker = Queue(redis), FunctionWaker(redis, {"sessions": DrainingTransport()})
    for round_ in range(60):
        for number in range(20):
            await queue.enqueue(Job.SESSION_CHECK, round_ * 20 + number, queue=QUEUE)
            await function_waker.wake(QUEUE)
            if number % 7 == 0:
                await asyncio.sleep(0.004)
        while running:
            await asyncio.gather(*running)
        assert len(done) == (round_ + 1) * 20, f"round {round_} left jobs behind"
    assert sorted(done) == list(range(1200))


BODY = b'{"queue": "carrel:eu"}'


def test_documented_vector_equals_the_signature() -> None:
    text = (ROOT / "docs" / "functions.md").read_text()
    secret, body, header = re.findall(r"^\| (?:secret|body|header) \| `(.+)` \|$", text, re.MULTILINE)

    at, _, digest = header.partition(".")

    assert sign(secret, body.encode(), int(at)) == header
    assert hmac.new(secret.encode(), f"{at}.{body}".encode(), sha256).hexdigest() == digest


def test_valid_signature_is_accepted() -> None:
    assert is_signed("secret", sign("secret", BODY), BODY)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_old_or_future_signature_is_refused(seconds: int) -> None:
    header = sign("secret", BODY, int(time.time()) + seconds)

    assert not is_signed("secret", header, BODY)


@pytest.mark.parametrize("header", [None, "", ".", "1.2", "x.y", "²." + "0" * 64, "1" * 40 + ".a"])
def test_malformed_signature_is_refused(header: str | None) -> None:
    assert not is_signed("secret", header, BODY)


@pytest.mark.parametrize(("secret", "body"), [("other", BODY), ("secret", b"{}")])
def test_invalid_signature_is_refused(secret: str, body: bytes) -> None:
    assert not is_signed("secret", sign(secret, body), BODY)


def test_nothing_is_accepted_without_a_secret() -> None:
    assert not is_signed("", sign("", BODY), BODY)


def test_signature_covers_the_time() -> None:
    at, digest = sign("secret", BODY).split(".")

    assert not is_signed("secret", f"{int(at) + 1}.{digest}", BODY)
