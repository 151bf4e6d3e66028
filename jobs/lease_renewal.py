"""Runs the work of a job while renewing the lease of the row that it has claimed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tortoise.exceptions import BaseORMException

from core.errors import Conflict

log = logging.getLogger(__name__)
T = TypeVar("T")


class LeaseLost(Conflict):
    """Another worker has the claim, or the row has left the state in which it is worked on."""


async def run_with_lease(
    work: Coroutine[Any, Any, T], renew: Callable[[], Awaitable[bool]], seconds: float, *, name: str
) -> T:
    """Return the result of `work`, while `renew` is called every `seconds`.

    When `renew` returns False, the work is cancelled and LeaseLost raised. The work has ended when this function ends,
    also when it is cancelled. A renewal that fails because of the database is tried again.
    """
    task = asyncio.create_task(work, name=name)
    renewal = asyncio.create_task(_renew_until_lost(renew, seconds, name), name=f"{name}-lease")
    try:
        await asyncio.wait({task, renewal}, return_when=asyncio.FIRST_COMPLETED)
        is_done = task.done()
    finally:
        task.cancel()
        renewal.cancel()
        await asyncio.gather(task, renewal, return_exceptions=True)
    if is_done and not task.cancelled():
        return task.result()
    if not renewal.cancelled():
        renewal.result()  # Raises what made the renewal end other than by a lost lease.
    raise LeaseLost("The lease was lost while the job ran.")


async def _renew_until_lost(renew: Callable[[], Awaitable[bool]], seconds: float, name: str) -> None:
    is_claimed = True
    while is_claimed:
        await asyncio.sleep(seconds)
        try:
            is_claimed = await renew()
        except (BaseORMException, OSError) as error:
            log.warning("%s: its lease could not be renewed (%s)", name, error)
