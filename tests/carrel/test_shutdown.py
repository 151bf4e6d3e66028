"""Processes end when they are told to: in order, at once when told twice, and in no case later than their bound."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from carrel import shutdown
from carrel.services import open_kernel
from core.settings import Settings

RUN = """
import asyncio, signal, sys, time
from carrel import ending
{body}
asyncio.run(main())
"""
HANGS = """
async def main():
    stop = ending.on_signal(1.0)
    print("ready", flush=True)
    await stop.wait()
    time.sleep(3600)
"""
DAWDLES = """
async def main():
    stop = ending.on_signal()
    print("ready", flush=True)
    await stop.wait()
    print("told", flush=True)
    await asyncio.sleep(3600)
"""
DEAF = """
async def work():
    print("ready", flush=True)
    for _ in range(2):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("what?", flush=True)
    await asyncio.sleep(3600)

async def main():
    ending.GRACE_SECONDS = ending.INSIST_SECONDS = 0.1
    stop = ending.on_signal()
    task = asyncio.create_task(work())
    await stop.wait()
    await ending.end([task], 0.1)
    print("ended" if task.cancelled() else "still there", flush=True)
"""


@asynccontextmanager
async def process(body: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a body that says when it is ready."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN.format(body=body), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout is not None
    assert await asyncio.wait_for(started.stdout.readline(), 20) == b"ready\n"
    yield started
    if started.returncode is None:
        started.kill()
    await started.communicate()


async def test_a_process_that_hangs_is_ended_at_its_bound_and_says_where_it_hung() -> None:
    async with process(HANGS) as hung:
        begun = time.monotonic()
        hung.send_signal(2)
        _, said = await asyncio.wait_for(hung.communicate(), 10)

    assert (hung.returncode, time.monotonic() - begun < 5) == (1, True)
    assert b"Timeout" in said
    assert b"in main" in said


async def test_who_asks_twice_is_heeded_at_once() -> None:
    async with process(DAWDLES) as slow:
        assert slow.stdout is not None
        slow.send_signal(2)
        assert await asyncio.wait_for(slow.stdout.readline(), 10) == b"told\n"
        slow.send_signal(15)

        assert await asyncio.wait_for(slow.wait(), 5) == 130


async def test_a_cancellation_that_was_swallowed_is_repeated() -> None:
    async with process(DEAF) as deaf:
        deaf.send_signal(2)
        told, _ = await asyncio.wait_for(deaf.communicate(), 10)

    assert told.decode().split("\n") == ["what?", "what?", "ended", ""]


async def test_work_that_is_done_before_the_signal_is_returned_and_what_fails_raises() -> None:
    stop = asyncio.Event()

    async def work(number: int) -> float:
        return 1 / number

    assert await shutdown.unless(stop, work(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        await shutdown.unless(stop, work(0))


async def test_work_that_is_not_is_cancelled_and_cleans_up() -> None:
    stop, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            stop.set()
            await asyncio.sleep(3600)
        finally:
            cleaned.set()

    assert await shutdown.unless(stop, work()) is None
    assert cleaned.is_set()


LEFT = """
import asyncio, sys
from carrel.services import open_kernel
from core.settings import load

async def main():
    settings = load(data_dir=sys.argv[1], redis_url="unix:///nowhere/redis")
    async def opened():
        async with open_kernel(settings):
            raise AssertionError
    from tortoise.connection import get_connection
    task = asyncio.create_task(opened())
    await asyncio.sleep(0.5)
    await get_connection("default").execute_query("SELECT 1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    print(task.cancelled(), flush=True)

asyncio.run(main())
"""


async def test_a_kernel_that_was_given_up_half_open_leaves_nothing_that_keeps_the_process(data_dir: Path) -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LEFT, str(data_dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    told, said = await asyncio.wait_for(started.communicate(), 20)

    assert (started.returncode, told) == (0, b"True\n"), said.decode()


async def test_a_kernel_is_closed_in_order(settings: Settings, redis_address: str) -> None:
    async with open_kernel(settings.model_copy(update={"redis_url": redis_address})) as kernel:
        assert kernel.bus.connected

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "event-bus"]
