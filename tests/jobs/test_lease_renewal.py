"""A job runs while its lease is renewed, and ends when the lease is lost."""

import asyncio

import pytest

from jobs.lease_renewal import LeaseLost, run_with_lease

TICK = 0.01


class Lease:
    """A lease that is renewed `lasts` times; `faults` renewals fail before."""

    def __init__(self, lasts: int = 1_000, faults: int = 0) -> None:
        self.renewals, self._lasts, self._faults = 0, lasts, faults

    async def renew(self) -> bool:
        self.renewals += 1
        if self.renewals <= self._faults:
            raise OSError("The database is gone.")
        return self.renewals <= self._lasts


class SlowStep:
    """A step that ends when it is released, and knows whether it was cancelled."""

    def __init__(self) -> None:
        self.may_end, self.cancelled = asyncio.Event(), False

    async def run(self) -> str:
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


async def _run(lease: Lease, work: SlowStep) -> str:
    return await run_with_lease(work.run(), lease.renew, TICK, name="test")


async def test_result_is_returned_and_renewal_ends() -> None:
    lease, work = Lease(), SlowStep()
    work.may_end.set()

    assert await _run(lease, work) == "done"

    renewals = lease.renewals
    await asyncio.sleep(3 * TICK)
    assert lease.renewals == renewals


async def test_error_of_the_work_is_raised() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_with_lease(fail(), Lease().renew, TICK, name="test")


async def test_lost_lease_cancels_the_work() -> None:
    lease, work = Lease(lasts=2), SlowStep()

    with pytest.raises(LeaseLost):
        await _run(lease, work)

    assert (work.cancelled, lease.renewals) == (True, 3)


async def test_failed_renewal_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    lease, work = Lease(lasts=4, faults=3), SlowStep()

    with pytest.raises(LeaseLost):
        await _run(lease, work)

    assert lease.renewals == 5
    assert caplog.text.count("could not be renewed") == 3


async def test_bug_in_the_renewal_ends_the_work() -> None:
    async def fail() -> bool:
        raise ZeroDivisionError

    work = SlowStep()
    with pytest.raises(ZeroDivisionError):
        await run_with_lease(work.run(), fail, TICK, name="test")

    assert work.cancelled


async def test_cancellation_waits_for_the_work() -> None:
    work = SlowStep()
    running = asyncio.create_task(_run(Lease(), work))
    await asyncio.sleep(2 * TICK)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert work.cancelled
