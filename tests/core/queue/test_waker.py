"""The bell wakes once for many jobs, loses no wake-up, and is believed only when it is signed."""

import asyncio
import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import now
from core.queue import Job, Queue, Spec, drain, region_queue
from core.queue.functions import waker
from core.queue.functions.waker import Bells, is_signed, sign

QUEUE = region_queue("eu")
TOKEN = waker.token_of(QUEUE)


class Clapper:
    """A bell that notes when it is struck, and that can be broken."""

    def __init__(self, *, can_wait: bool = True) -> None:
        self.can_wait = can_wait
        self.strikes: list[int] = []
        self.breaks: BaseException | None = None

    async def strike(self, said: bytes, delay: int) -> None:
        if self.breaks:
            raise self.breaks
        assert said == b'{"queue": "carrel:eu"}'
        self.strikes.append(delay)


async def test_many_jobs_ring_once_until_the_bell_was_heard(redis: Redis) -> None:
    clapper = Clapper()
    bells = Bells(redis, {"sessions": clapper})

    assert [await bells.ring(QUEUE) for _ in range(3)] == [True, False, False]
    await waker.heard(redis, QUEUE)
    assert await bells.ring(QUEUE)

    assert clapper.strikes == [0, 0]


async def test_a_queue_without_a_bell_is_left_to_its_workers(redis: Redis) -> None:
    bells = Bells(redis, {"imports": Clapper(), "us:sessions": Clapper()})

    assert not await bells.ring(QUEUE)
    assert await redis.dbsize() == 0


async def test_one_region_may_have_a_bell_of_its_own(redis: Redis) -> None:
    general, own = Clapper(), Clapper()
    await Bells(redis, {"sessions": general, "eu:sessions": own}).ring(QUEUE)

    assert (general.strikes, own.strikes) == ([], [0])


async def test_a_bell_that_cannot_be_rung_gives_its_token_back(redis: Redis) -> None:
    clapper = Clapper()
    clapper.breaks = ConnectionError("nobody there")
    bells = Bells(redis, {"sessions": clapper})

    assert not await bells.ring(QUEUE)
    clapper.breaks = None

    assert await bells.ring(QUEUE)


async def test_whoever_is_cancelled_while_it_rings_gives_the_token_back(redis: Redis) -> None:
    clapper = Clapper()
    clapper.breaks = asyncio.CancelledError()

    with pytest.raises(asyncio.CancelledError):
        await Bells(redis, {"sessions": clapper}).ring(QUEUE)

    assert not await redis.exists(TOKEN)


async def test_the_token_of_a_wake_up_that_came_to_nothing_does_not_last(redis: Redis) -> None:
    await Bells(redis, {"sessions": Clapper()}).ring(QUEUE)

    assert 0 < await redis.ttl(TOKEN) <= waker.TOKEN_SECONDS


async def test_work_for_later_is_rung_for_at_its_time_and_once_a_second(redis: Redis) -> None:
    clapper = Clapper()
    bells = Bells(redis, {"sessions": clapper})
    due = now().replace(microsecond=0) + timedelta(seconds=40)

    rung = [await bells.ring(QUEUE, due + timedelta(milliseconds=ms)) for ms in (-900, -100, 0, 500)]

    assert rung == [True, False, False, True]
    assert clapper.strikes in ([40, 41], [39, 40])
    assert await bells.ring(QUEUE), "a wake-up for later keeps nobody from waking now"


@pytest.mark.parametrize(("can_wait", "seconds"), [(False, 5), (True, 1000)])
async def test_what_a_bell_cannot_wait_for_is_left_to_the_schedule(redis: Redis, can_wait: bool, seconds: int) -> None:
    clapper = Clapper(can_wait=can_wait)

    assert not await Bells(redis, {"sessions": clapper}).ring(QUEUE, now() + timedelta(seconds=seconds))

    assert (clapper.strikes, await redis.dbsize()) == ([], 0)


async def test_work_that_is_due_already_rings_now(redis: Redis) -> None:
    clapper = Clapper(can_wait=False)

    assert await Bells(redis, {"sessions": clapper}).ring(QUEUE, now() - timedelta(seconds=5))


async def test_no_job_is_ever_left_by_the_bell_alone(redis: Redis) -> None:
    """Sixty rounds of twenty jobs, put while drains end and begin; nothing but the bell starts a drain."""
    done: list[int] = []
    running: set[asyncio.Task[object]] = set()

    async def job(_context: object, number: int) -> None:
        done.append(number)

    async def wake() -> None:
        await waker.heard(redis, QUEUE)
        await drain(redis, QUEUE, {Job.SESSION_CHECK: Spec(job, 1)}, {}, budget=10)

    class Starts(Clapper):
        async def strike(self, said: bytes, delay: int) -> None:
            task = asyncio.create_task(wake())
            running.add(task)
            task.add_done_callback(running.discard)

    queue, bells = Queue(redis), Bells(redis, {"sessions": Starts()})
    for round_ in range(60):
        for number in range(20):
            await queue.enqueue(Job.SESSION_CHECK, round_ * 20 + number, queue=QUEUE)
            await bells.ring(QUEUE)
            if number % 7 == 0:
                await asyncio.sleep(0.004)
        while running:
            await asyncio.gather(*running)
        assert len(done) == (round_ + 1) * 20, f"round {round_} left jobs behind"
    assert sorted(done) == list(range(1200))


BODY = b'{"queue": "carrel:eu"}'


def test_a_signed_bell_is_believed() -> None:
    assert is_signed("secret", sign("secret", BODY), BODY)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_a_future_signature_is_not(seconds: int) -> None:
    header = sign("secret", BODY, int(time.time()) + seconds)

    assert not is_signed("secret", header, BODY)


@pytest.mark.parametrize(
    "header",
    [None, "", ".", "1.2", "x.y", "²." + "0" * 64, sign("other", BODY), sign("secret", b"{}"), "1" * 40 + ".a"],
)
def test_anything_else_is_not_believed(header: str | None) -> None:
    assert not is_signed("secret", header, BODY)


def test_without_a_secret_nothing_is_believed() -> None:
    assert not is_signed("", sign("", BODY), BODY)


def test_the_time_is_signed_too() -> None:
    at, digest = sign("secret", BODY).split(".")

    assert not is_signed("secret", f"{int(at) + 1}.{digest}", BODY)
