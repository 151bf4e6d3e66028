"""Callers of one key share one run of its work, and survive one another's cancellation."""

import asyncio
import gc

import pytest

from core.concurrency.in_flight import InFlight
from tests.waiting import eventually


class GatedLoad:
    """A load that waits for `release` and counts its runs."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs, self.error, self.release = 0, error, asyncio.Event()

    async def run(self) -> int:
        self.runs += 1
        run = self.runs
        await self.release.wait()
        if self.error:
            raise self.error
        return run


async def test_concurrent_callers_share_one_run() -> None:
    running, work = InFlight[str, int](), GatedLoad()
    callers = [asyncio.create_task(running.share("a", work.run)) for _ in range(3)]
    await eventually(lambda: work.runs == 1 and "a" in running)
    work.release.set()

    assert await asyncio.gather(*callers) == [1, 1, 1]
    assert "a" not in running
    assert await running.share("a", work.run) == 2


async def test_other_key_has_its_own_run() -> None:
    running, work = InFlight[str, int](), GatedLoad()
    work.release.set()

    assert sorted(await asyncio.gather(running.share("a", work.run), running.share("b", work.run))) == [1, 2]


async def test_cancelled_caller_leaves_the_work_to_the_others() -> None:
    running, work = InFlight[str, int](), GatedLoad()
    first, second = [asyncio.create_task(running.share("a", work.run)) for _ in range(2)]
    await eventually(lambda: work.runs == 1)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.release.set()

    assert (first.cancelled(), await second, work.runs) == (True, 1, 1)


async def test_error_reaches_every_caller_and_is_not_kept() -> None:
    running, work = InFlight[str, int](), GatedLoad(ZeroDivisionError())
    work.release.set()
    results = await asyncio.gather(*[running.share("a", work.run) for _ in range(2)], return_exceptions=True)

    assert [type(result) for result in results] == [ZeroDivisionError] * 2
    work.error = None
    assert await running.share("a", work.run) == 2


async def test_error_that_no_caller_awaits_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    running, work = InFlight[str, int](), GatedLoad(ZeroDivisionError())
    caller = asyncio.create_task(running.share("a", work.run))
    await eventually(lambda: work.runs == 1)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    work.release.set()
    await eventually(lambda: "a" not in running)
    gc.collect()

    assert not caplog.records
