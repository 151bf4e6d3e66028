"""The resident worker of one queue."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.queue.job_spec import Spec
from core.queue.names import Job
from core.queue.runner import Runner

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0


class Worker:
    """Runs the jobs of one queue until it is told to stop; outlives losses of Redis."""

    def __init__(
        self, redis: Redis, queue: str, jobs: Mapping[Job, Spec], context: dict[str, Any], *, parallel: int = 10
    ) -> None:
        """Prepare; nothing runs before `run`."""
        self._redis, self._queue, self._jobs, self._context, self._parallel = redis, queue, jobs, context, parallel
        self._runner: Runner | None = None

    async def run(self) -> None:
        """Run for ever; cancel to end: jobs in hand are cancelled, and their rows resumed by the next sweep."""
        while True:
            try:
                await self._once()
            except (RedisError, OSError) as error:
                log.warning("queue %s: Redis is lost (%s); trying again", self._queue, error)
                await asyncio.sleep(RESTART_SECONDS)

    async def _once(self) -> None:
        runner = self._runner = Runner(self._redis, self._queue, self._jobs, self._context, parallel=self._parallel)
        try:
            await runner.main()
        finally:
            await runner.cancel_all()

    async def drain(self, seconds: float) -> None:
        """Take no more jobs and wait at most `seconds` for those in hand."""
        if self._runner is None:
            return
        self._runner.allow_pick_jobs = False
        running = list(self._runner.tasks.values())
        if running:
            await asyncio.wait(running, timeout=seconds)
