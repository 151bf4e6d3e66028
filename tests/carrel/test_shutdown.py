"""Processes stop in order on a signal, at once on a second one, and never later than their bound."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from carrel import shutdown
from carrel.services import open_services
from core.settings import Settings

RUN = """
import asyncio, signal, sys, time
from carrel import shutdown
{body}
asyncio.run(main())
"""
BLOCKED_LOOP = """
async def main():
    stop = shutdown.on_signal(1.0)
    print("ready", flush=True)
    await stop.wait()
    time.sleep(3600)
"""
SLOW_STOP = """
async def main():
    stop = shutdown.on_signal()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep(3600)
"""
SWALLOWED_CANCELLATION = """
async def work():
    print("ready", flush=True)
    for _ in range(2):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            print("what?", flush=True)
    await asyncio.sleep(3600)

async def main():
    shutdown.GRACE_SECONDS = shutdown.RECANCEL_SECONDS = 0.1
    stop = shutdown.on_signal()
    task = asyncio.create_task(work())
    await stop.wait()
    await shutdown.end([task], 0.1)
    print("ended" if task.cancelled() else "still there", flush=True)
"""


@asynccontextmanager
async def process(body: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a script and wait until it prints that it is ready."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN.format(body=body), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert started.stdout is not None
    assert await asyncio.wait_for(started.stdout.readline(), 20) == b"ready\n"
    yield started
    if started.returncode is None:
        started.kill()
    await started.communicate()


async def test_hanging_process_exits_at_bound_with_traceback() -> None:
    async with process(BLOCKED_LOOP) as hung:
        begun = time.monotonic()
        hung.send_signal(2)
        _, errors = await asyncio.wait_for(hung.communicate(), 10)

    assert (hung.returncode, time.monotonic() - begun < 5) == (1, True)
    assert b"Timeout" in errors
    assert b"in main" in errors


async def test_second_signal_exits_at_once() -> None:
    async with process(SLOW_STOP) as slow:
        assert slow.stdout is not None
        slow.send_signal(2)
        assert await asyncio.wait_for(slow.stdout.readline(), 10) == b"stopping\n"
        slow.send_signal(15)

        assert await asyncio.wait_for(slow.wait(), 5) == 130


async def test_swallowed_cancellation_is_repeated() -> None:
    async with process(SWALLOWED_CANCELLATION) as child:
        child.send_signal(2)
        output, _ = await asyncio.wait_for(child.communicate(), 10)

    assert output.decode().split("\n") == ["what?", "what?", "ended", ""]


async def test_work_done_before_signal_returns_or_raises() -> None:
    stop = asyncio.Event()

    async def work(number: int) -> float:
        return 1 / number

    assert await shutdown.run_until(stop, work(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        await shutdown.run_until(stop, work(0))


async def test_unfinished_work_is_cancelled_and_cleans_up() -> None:
    stop, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            stop.set()
            await asyncio.sleep(3600)
        finally:
            cleaned.set()

    assert await shutdown.run_until(stop, work()) is None
    assert cleaned.is_set()


HALF_OPEN = """
import asyncio, sys
from carrel.services import open_services
from core.settings import load

async def main():
    settings = load(data_dir=sys.argv[1], redis_url="unix:///nowhere/redis")
    async def opened():
        async with open_services(settings):
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


async def test_half_open_services_do_not_block_exit(data_dir: Path) -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HALF_OPEN, str(data_dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    output, errors = await asyncio.wait_for(started.communicate(), 20)

    assert (started.returncode, output) == (0, b"True\n"), errors.decode()


async def test_services_are_closed_in_order(settings: Settings, redis_address: str) -> None:
    async with open_services(settings.model_copy(update={"redis_url": redis_address})) as services:
        assert services.bus.is_connected

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "event-bus"]
