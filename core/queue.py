"""The job queue: the one module that knows arq.

Jobs are level-triggered: a job says "look at this row", so it may come twice, late, or never; the sweep asks again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import arq.worker
import orjson
from arq import func
from arq.connections import ArqRedis
from arq.jobs import SerializationError
from arq.worker import Worker as ArqWorker
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


async def _no_info(*_arguments: object) -> None:
    """Stand in for arq's greeting, which asks for what an in-process Redis has not."""


arq.worker.log_redis_info = _no_info  # type: ignore[assignment, attr-defined]
POLL_SECONDS = 0.05
RESTART_SECONDS = 1.0


class Job(StrEnum):
    """The name of every job; a test keeps this equal to what the workers run."""

    SESSION_LAUNCH = "session_launch"
    SESSION_STOP = "session_stop"
    SESSION_CHECK = "session_check"
    IMAGE_IMPORT = "image_import"
    DATAOPERATION_RUN = "dataoperation_run"
    RESULT_REMOVE = "result_remove"


JobFunction = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Spec:
    """How a job is run: its function and its time limit in seconds."""

    function: JobFunction
    seconds: float


def region_queue(region: str) -> str:
    """Return the queue of a region's short jobs."""
    return f"carrel:{region}"


def import_queue(region: str) -> str:
    """Return the queue of a region's long jobs, image imports."""
    return f"carrel:{region}:imports"


def data_queue() -> str:
    """Return the queue of data operations, which any worker with processes for them may do."""
    return "carrel:data"


def _encode(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, default=str)


def _decode(text: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = orjson.loads(text)
    return decoded


class Queue:
    """Puts jobs into Redis."""

    def __init__(self, redis: Redis) -> None:
        """Share the connections of `redis`."""
        self._redis = ArqRedis(pool_or_conn=redis.connection_pool, job_serializer=_encode, job_deserializer=_decode)

    async def enqueue(
        self, name: str, *arguments: Any, queue: str, key: str | None = None, due_at: datetime | None = None
    ) -> bool:
        """Put a job into `queue`; False when one with this key waits or runs already."""
        try:
            job = await self._redis.enqueue_job(name, *arguments, _queue_name=queue, _job_id=key, _defer_until=due_at)
        except SerializationError as error:
            raise ValueError(f"The arguments of {name} are not plain data.") from error
        return job is not None

    async def depth(self, queue: str) -> int:
        """Return how many jobs wait or run in `queue`."""
        return int(await self._redis.zcard(queue))


class Worker:
    """Runs the jobs of one queue until it is told to stop; outlives losses of Redis."""

    def __init__(
        self, redis: Redis, queue: str, jobs: Mapping[Job, Spec], context: dict[str, Any], *, parallel: int = 10
    ) -> None:
        """Prepare; nothing runs before `run`."""
        self._redis, self._queue, self._context, self._parallel = redis, queue, context, parallel
        self._functions = [
            func(spec.function, name=str(name), timeout=spec.seconds, keep_result=0, max_tries=1000)  # type: ignore[arg-type]
            for name, spec in jobs.items()
        ]
        self._drain_seconds = max(spec.seconds for spec in jobs.values())
        self._worker: ArqWorker | None = None

    async def run(self) -> None:
        """Run for ever; cancel to end: jobs in hand are cancelled, and their rows resumed by the next sweep."""
        while True:
            try:
                await self._once()
            except (RedisError, OSError) as error:
                log.warning("queue %s: Redis is lost (%s); trying again", self._queue, error)
                await asyncio.sleep(RESTART_SECONDS)

    async def _once(self) -> None:
        worker = self._worker = ArqWorker(
            functions=self._functions,
            queue_name=self._queue,
            redis_pool=ArqRedis(
                pool_or_conn=self._redis.connection_pool, job_serializer=_encode, job_deserializer=_decode
            ),
            handle_signals=False,
            burst=False,
            poll_delay=POLL_SECONDS,
            max_jobs=self._parallel,
            ctx=dict(self._context),
            health_check_key=f"{self._queue}:health:{uuid4().hex[:8]}",
            job_serializer=_encode,
            job_deserializer=_decode,
            log_results=False,
        )
        try:
            await worker.main()
        finally:
            await self._end(worker)

    async def drain(self, seconds: float) -> None:
        """Take no more jobs and wait at most `seconds` for those in hand."""
        if self._worker is None:
            return
        self._worker.allow_pick_jobs = False
        running = list(self._worker.tasks.values())
        if running:
            await asyncio.wait(running, timeout=seconds)

    @staticmethod
    async def _end(worker: ArqWorker) -> None:
        for task in worker.tasks.values():
            task.cancel()
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
