"""The daemon thread pool starts only needed threads, and does not delay the end of the process."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from core.concurrency.daemon_threads import DaemonThreadExecutor
from tests.waiting import eventually

HUNG = """
import time
from core.concurrency.daemon_threads import DaemonThreadExecutor
threads = DaemonThreadExecutor(2, "hung")
futures = [threads.submit(time.sleep, 3600) for _ in range(3)]
threads.shutdown()
print("at the end", flush=True)
"""


async def test_results_and_errors_are_returned() -> None:
    threads = DaemonThreadExecutor(2, "some")
    loop = asyncio.get_running_loop()

    assert await asyncio.gather(*(loop.run_in_executor(threads, lambda n=n: n * n) for n in range(50))) == [
        n * n for n in range(50)
    ]
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(threads, lambda: 1 // 0)
    threads.shutdown()


async def test_threads_are_limited_and_reused() -> None:
    threads, gate = DaemonThreadExecutor(3, "limited"), threading.Event()
    blocked = [threads.submit(gate.wait) for _ in range(10)]
    assert sum(thread.name.startswith("limited-") for thread in threading.enumerate()) == 3
    gate.set()
    await asyncio.gather(*map(asyncio.wrap_future, blocked))
    threads.shutdown()
    await eventually(lambda: not any(thread.name.startswith("limited-") for thread in threading.enumerate()))

    turns = DaemonThreadExecutor(3, "turns")
    for _ in range(10):
        await asyncio.wrap_future(turns.submit(int))
        await eventually(lambda: turns._idle._value == 1)
    assert sum(thread.name.startswith("turns-") for thread in threading.enumerate()) == 1
    turns.shutdown()


async def test_shutdown_cancels_queued_work_and_refuses_more() -> None:
    threads, gate = DaemonThreadExecutor(1, "closed"), threading.Event()
    under_way, waiting = threads.submit(gate.wait), threads.submit(int)

    threads.shutdown()

    with pytest.raises(CancelledError):
        waiting.result(1)
    with pytest.raises(RuntimeError, match="closed"):
        threads.submit(int)
    gate.set()
    assert under_way.result(5)


def test_hanging_call_does_not_delay_process_exit() -> None:
    done = subprocess.run([sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=20, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "at the end\n", "")
