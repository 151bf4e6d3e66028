"""Work in a thread ends with its caller, and so do its subprocesses and sockets."""

import asyncio
import socket
import subprocess
import threading
import time

import pytest

from core.concurrency.cancellable_thread import ThreadCancellation, WorkCancelled, run_in_thread
from tests.waiting import eventually


async def test_result_and_error_reach_the_caller() -> None:
    assert await run_in_thread(lambda _: threading.current_thread().name) != threading.current_thread().name

    def fail(_: ThreadCancellation) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_in_thread(fail)


async def test_cancellation_terminates_the_process() -> None:
    begun: list[subprocess.Popen[str]] = []

    def work(cancellation: ThreadCancellation) -> None:
        with cancellation.run_process(["sleep", "600"]) as process:
            begun.append(process)
            process.wait()

    task = asyncio.create_task(run_in_thread(work))
    await eventually(lambda: begun)
    at = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (task.cancelled(), begun[0].returncode, time.monotonic() - at < 5) == (True, -15, True)


async def test_blocked_recv_ends_within_a_second_of_the_cancel() -> None:
    client, theirs = socket.socketpair()
    blocked, ended = threading.Event(), threading.Event()

    def work(cancellation: ThreadCancellation) -> None:
        with cancellation.on_cancel(lambda: client.shutdown(socket.SHUT_RDWR)):
            blocked.set()
            client.recv(1)
        ended.set()

    with client, theirs:
        task = asyncio.create_task(run_in_thread(work))
        await eventually(blocked.is_set)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=1)

    assert (done, task.cancelled(), ended.is_set()) == ({task}, True, True)


def test_failed_work_kills_an_unresponsive_process() -> None:
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]
    begun: list[subprocess.Popen[str]] = []

    def work() -> None:
        with ThreadCancellation().run_process(deaf, stdout=subprocess.PIPE) as process:
            begun.append(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "deaf\n"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert begun[0].returncode == -9


async def test_cancelled_work_starts_nothing_more() -> None:
    cancellation = ThreadCancellation()
    cancellation.cancel()

    with pytest.raises(WorkCancelled), cancellation.on_cancel(lambda: None):
        pass
    with pytest.raises(WorkCancelled), cancellation.run_process(["sleep", "600"]):
        pass


async def test_late_cancellation_is_harmless() -> None:
    cancellation, ended = ThreadCancellation(), list[str]()

    def gone() -> None:
        ended.append("gone")
        raise OSError

    with cancellation.on_cancel(gone), cancellation.on_cancel(lambda: ended.append("other")):
        cancellation.cancel()
    cancellation.cancel()

    assert ended == ["gone", "other"]
