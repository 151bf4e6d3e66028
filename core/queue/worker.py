"""The resident worker of one queue; `carrel worker` and `carrel up` run it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.queue.job_spec import JobSpec
from core.queue.names import Job
from core.queue.runner import Runner

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0


class Worker:
    """Runs the jobs of one queue until it is cancelled; it survives lost connections to Redis."""

    def __init__(
        self, redis: Redis, queue: str, jobs: Mapping[Job, JobSpec], context: dict[str, Any], *, parallel: int = 10
    ) -> None:
        """Prepare; nothing runs before `run`."""
        self._redis, self._queue, self._jobs, self._context, self._parallel = redis, queue, jobs, context, parallel
        self._runner: Runner | None = None

    async def run(self) -> None:
        """Run until cancelled. Running jobs are then cancelled, and the next sweep resumes their rows."""
        while True:
            try:
                await self._run_once()
            except (RedisError, OSError) as error:
                log.warning("queue %s: the connection to Redis was lost (%s); reconnecting", self._queue, error)
                await asyncio.sleep(RESTART_SECONDS)

    async def _run_once(self) -> None:
        runner = self._runner = Runner(self._redis, self._queue, self._jobs, self._context, parallel=self._parallel)
        try:
            await runner.main()
        finally:
            await runner.cancel_all()

    async def drain(self, seconds: float) -> None:
        """Start no more jobs and wait at most `seconds` for the running ones."""
        if self._runner is None:
            return
        self._runner.allow_pick_jobs = False
        running = list(self._runner.tasks.values())
        if running:
            await asyncio.wait(running, timeout=seconds)
