"""Threads for calls that block: as many as are needed and no more, and the process ends without them."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from core.concurrency.daemon_threads import Threads
from tests.waiting import eventually

HUNG = """
import time
from core.concurrency.daemon_threads import Threads
threads = Threads(2, "hung")
futures = [threads.submit(time.sleep, 3600) for _ in range(3)]
threads.shutdown()
print("at the end", flush=True)
"""


async def test_results_and_errors_come_back() -> None:
    threads = Threads(2, "some")
    loop = asyncio.get_running_loop()

    assert await asyncio.gather(*(loop.run_in_executor(threads, lambda n=n: n * n) for n in range(50))) == [
        n * n for n in range(50)
    ]
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(threads, lambda: 1 // 0)
    threads.shutdown()


async def test_there_are_never_more_than_allowed_and_one_does_for_work_in_turn() -> None:
    threads, gate = Threads(3, "limited"), threading.Event()
    held = [threads.submit(gate.wait) for _ in range(10)]
    assert sum(thread.name.startswith("limited-") for thread in threading.enumerate()) == 3
    gate.set()
    await asyncio.gather(*map(asyncio.wrap_future, held))
    threads.shutdown()
    await eventually(lambda: not any(thread.name.startswith("limited-") for thread in threading.enumerate()))

    turns = Threads(3, "turns")
    for _ in range(10):
        await asyncio.wrap_future(turns.submit(int))
        await eventually(lambda: turns._free._value == 1)
    assert sum(thread.name.startswith("turns-") for thread in threading.enumerate()) == 1
    turns.shutdown()


async def test_after_the_end_what_waits_is_cancelled_and_nothing_is_taken() -> None:
    threads, gate = Threads(1, "closed"), threading.Event()
    under_way, waiting = threads.submit(gate.wait), threads.submit(int)

    threads.shutdown()

    with pytest.raises(CancelledError):
        waiting.result(1)
    with pytest.raises(RuntimeError, match="closed"):
        threads.submit(int)
    gate.set()
    assert under_way.result(5)


def test_the_process_ends_though_a_call_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=20, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "at the end\n", "")
