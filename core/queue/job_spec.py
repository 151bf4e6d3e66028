"""How a job is run: within its time, counted, and given up when it fails again and again.

A plain exception means a mistake of ours or of the surroundings, and the sweep asks again. A job that goes on failing
is poison: `give_up` then ends its row, in a state that people see, with a reason.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from redis.asyncio import Redis

from core.queue.metrics import Outcome, Tally

log = logging.getLogger(__name__)

JobFunction = Callable[..., Awaitable[None]]

FAILURES = 5
DEATHS = 8
ALMOST_SECONDS = 0.1
"""Who is cancelled so shortly before the time limit, was by the limit: it counts from before the job begins."""
REMEMBERED_SECONDS = 900
"""A failure is forgotten when none follows it within this time, so that separate troubles do not add up."""


@dataclass(frozen=True)
class Spec:
    """How a job is run: its function, its time limit in seconds, and how its row ends when it cannot be done.

    `give_up` is called with the context, the job's arguments and a sentence; it must be harmless when the row has
    moved on.
    """

    function: JobFunction
    seconds: float
    give_up: JobFunction | None = None


def guarded(name: str, spec: Spec, tally: Tally) -> JobFunction:
    """Return the job's function with its outcome noted in `tally`, and its row ended when it is poison."""

    async def run(context: Mapping[str, Any], *arguments: Any) -> None:
        began, outcome = perf_counter(), Outcome.FAILED
        try:
            outcome = await _attempt(name, spec, context, arguments)
        except asyncio.CancelledError:
            outcome = Outcome.CANCELLED
            if perf_counter() - began >= spec.seconds - ALMOST_SECONDS:
                # A task of its own: before Python 3.11.3 the time-outs of Redis end a cancelled task once more.
                outcome = await asyncio.create_task(_late(name, spec, context, arguments), name=f"{name}-late")
            raise
        finally:
            tally.note(name, outcome, perf_counter() - began)

    return run


async def _attempt(name: str, spec: Spec, context: Mapping[str, Any], arguments: tuple[Any, ...]) -> Outcome:
    tries = int(context.get("job_try", 1))
    if tries > DEATHS:  # It was begun so often and never ended: whoever ran it died, or it took too long.
        await _give_up(name, spec, context, arguments, f"It was begun {tries - 1} times and never came to an end.")
        return Outcome.GIVEN_UP
    try:
        await spec.function(context, *arguments)
    except Exception as error:
        failures = await _failed(context["redis"], name, arguments)
        if failures < FAILURES:
            raise
        log.exception("%s%s failed %d times and is given up", name, arguments, failures)
        reason = f"It failed {failures} times for a reason of ours ({type(error).__name__}); it is logged."
        await _give_up(name, spec, context, arguments, reason)
        return Outcome.GIVEN_UP
    return Outcome.DONE


async def _late(name: str, spec: Spec, context: Mapping[str, Any], arguments: tuple[Any, ...]) -> Outcome:
    failures = await _failed(context["redis"], name, arguments)
    if failures < FAILURES:
        return Outcome.LATE
    await _give_up(name, spec, context, arguments, f"It did not end within {spec.seconds:g} s, {failures} times.")
    return Outcome.GIVEN_UP


async def _failed(redis: Redis, name: str, arguments: tuple[Any, ...]) -> int:
    key = f"carrel:failures:{name}:{':'.join(map(str, arguments))}"
    async with redis.pipeline(transaction=False) as pipe:
        pipe.incr(key)
        pipe.expire(key, REMEMBERED_SECONDS)
        count, _ = await pipe.execute()
    return int(count)


async def _give_up(name: str, spec: Spec, context: Mapping[str, Any], arguments: tuple[Any, ...], reason: str) -> None:
    log.error("%s%s is given up: %s", name, arguments, reason)
    if spec.give_up is not None:
        await spec.give_up(context, *arguments, reason)
