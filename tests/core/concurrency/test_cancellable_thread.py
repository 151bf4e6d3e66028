"""Work on a thread ends with those who wait for it, and so do the programs and sockets that it waits for."""

import asyncio
import subprocess
import threading
import time

import pytest

from core.concurrency.cancellable_thread import GivenUp, Patience, on_a_thread
from tests.waiting import eventually


async def test_it_returns_what_the_work_returns_and_raises_what_it_raises() -> None:
    assert await on_a_thread(lambda _: threading.current_thread().name) != threading.current_thread().name

    def fail(_: Patience) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await on_a_thread(fail)


async def test_a_program_that_nobody_waits_for_any_more_is_ended() -> None:
    begun: list[subprocess.Popen[str]] = []

    def work(patience: Patience) -> None:
        with patience.program(["sleep", "600"]) as process:
            begun.append(process)
            process.wait()

    task = asyncio.create_task(on_a_thread(work))
    await eventually(lambda: begun)
    at = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (task.cancelled(), begun[0].returncode, time.monotonic() - at < 5) == (True, -15, True)


def test_a_program_of_work_that_fails_is_ended_though_it_does_not_heed() -> None:
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]
    begun: list[subprocess.Popen[str]] = []

    def work() -> None:
        with Patience().program(deaf, stdout=subprocess.PIPE) as process:
            begun.append(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "deaf\n"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert begun[0].returncode == -9


async def test_what_was_given_up_begins_nothing_more() -> None:
    patience = Patience()
    patience.give_up()

    with pytest.raises(GivenUp), patience.ending(lambda: None):
        pass
    with pytest.raises(GivenUp), patience.program(["sleep", "600"]):
        pass


async def test_an_end_that_comes_too_late_does_no_harm() -> None:
    patience, ended = Patience(), list[str]()

    def gone() -> None:
        ended.append("gone")
        raise OSError

    with patience.ending(gone), patience.ending(lambda: ended.append("other")):
        patience.give_up()
    patience.give_up()

    assert ended == ["gone", "other"]
