"""Runs a job within its time limit and counts its failures; the runner wraps every job with it.

An exception is an internal or environmental error, and the sweep enqueues the job again. A job that keeps failing is
exhausted: `on_exhausted` then ends its row in a visible state, with a reason.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from redis.asyncio import Redis

from core.queue.metrics import JobMetrics, JobOutcome

log = logging.getLogger(__name__)

JobFunction = Callable[..., Awaitable[None]]

MAX_FAILURES = 5
MAX_CRASHES = 8
TIMEOUT_TOLERANCE_SECONDS = 0.1
"""A cancellation this shortly before the time limit was caused by it: arq starts the clock before the job does."""
FAILURE_TTL_SECONDS = 900
"""Failures further apart than this do not add up."""


@dataclass(frozen=True)
class JobSpec:
    """A job's function, its time limit in seconds, and the handler for a job that cannot be done.

    `on_exhausted` is called with the context, the job's arguments and a sentence. It must do nothing when the row has
    changed state since.
    """

    function: JobFunction
    seconds: float
    on_exhausted: JobFunction | None = None


def with_failure_handling(name: str, spec: JobSpec, metrics: JobMetrics) -> JobFunction:
    """Return the wrapped function: it records outcomes in `metrics` and ends the row of an exhausted job."""

    async def run(context: Mapping[str, Any], *arguments: Any) -> None:
        started, outcome = perf_counter(), JobOutcome.FAILED
        try:
            outcome = await _attempt(name, spec, context, arguments)
        except asyncio.CancelledError:
            outcome = JobOutcome.CANCELLED
            if perf_counter() - started >= spec.seconds - TIMEOUT_TOLERANCE_SECONDS:
                # In a new task: before Python 3.11.3 the timeouts of redis-py cancel a cancelled task again.
                outcome = await asyncio.create_task(
                    _handle_timeout(name, spec, context, arguments), name=f"{name}-late"
                )
            raise
        finally:
            metrics.record(name, outcome, perf_counter() - started)

    return run


async def _attempt(name: str, spec: JobSpec, context: Mapping[str, Any], arguments: tuple[Any, ...]) -> JobOutcome:
    tries = int(context.get("job_try", 1))
    if tries > MAX_CRASHES:  # Its runners crashed, or it took too long.
        await _exhaust(name, spec, context, arguments, f"It was started {tries - 1} times and never ended.")
        return JobOutcome.GIVEN_UP
    try:
        await spec.function(context, *arguments)
    except Exception as error:
        failures = await _count_failure(context["redis"], name, arguments)
        if failures < MAX_FAILURES:
            raise
        log.exception("%s%s failed %d times; no more retries", name, arguments, failures)
        reason = f"It failed {failures} times because of an internal error ({type(error).__name__}); see the log."
        await _exhaust(name, spec, context, arguments, reason)
        return JobOutcome.GIVEN_UP
    return JobOutcome.DONE


async def _handle_timeout(
    name: str, spec: JobSpec, context: Mapping[str, Any], arguments: tuple[Any, ...]
) -> JobOutcome:
    failures = await _count_failure(context["redis"], name, arguments)
    if failures < MAX_FAILURES:
        return JobOutcome.LATE
    await _exhaust(name, spec, context, arguments, f"It did not end within {spec.seconds:g} s, {failures} times.")
    return JobOutcome.GIVEN_UP


async def _count_failure(redis: Redis, name: str, arguments: tuple[Any, ...]) -> int:
    # Keyed by arguments instead of the job id: a job is enqueued again under a new id.
    key = f"carrel:failures:{name}:{':'.join(map(str, arguments))}"
    async with redis.pipeline(transaction=False) as pipe:
        pipe.incr(key)
        pipe.expire(key, FAILURE_TTL_SECONDS)
        count, _ = await pipe.execute()
    return int(count)


async def _exhaust(
    name: str, spec: JobSpec, context: Mapping[str, Any], arguments: tuple[Any, ...], reason: str
) -> None:
    log.error("%s%s is exhausted: %s", name, arguments, reason)
    if spec.on_exhausted is not None:
        await spec.on_exhausted(context, *arguments, reason)
