"""arq's worker with another loop, for the resident worker and the drain of functions.

It claims many jobs at once, looks again as soon as a job is done, and can end by itself.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from arq import func
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from arq.utils import timestamp_ms
from arq.worker import Worker as ArqWorker
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.concurrency.batcher import Batcher
from core.queue.client import arq_client, decode, encode
from core.queue.job_spec import JobSpec, with_failure_handling
from core.queue.metrics import JobMetrics
from core.queue.names import Job

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
MAX_SCANNED = 500
"""How many due jobs are looked at; jobs that other runners have claimed are at the front."""
JOB_LOCK_SECONDS = 6.0
"""How long a job stays locked after its runner has died."""


class Runner(ArqWorker):
    """Runs the jobs of one queue until `should_stop`. A started job ends by itself or by its time limit.

    The stock loop polls at fixed times and asks Redis five times for each job. Its log messages, health checks and
    cron tables are not used.
    """

    def __init__(
        self, redis: Redis, queue: str, jobs: Mapping[Job, JobSpec], context: Mapping[str, Any], *, parallel: int
    ) -> None:
        """Prepare; nothing runs before `main`."""
        self.metrics = JobMetrics()
        pool = arq_client(redis)
        super().__init__(
            functions=[
                func(
                    with_failure_handling(name, spec, self.metrics),  # type: ignore[arg-type]
                    name=str(name),
                    timeout=spec.seconds,
                    keep_result=0,
                    max_tries=1000,
                )
                for name, spec in jobs.items()
            ],
            queue_name=queue,
            redis_pool=pool,
            handle_signals=False,
            burst=False,
            poll_delay=POLL_SECONDS,
            max_jobs=parallel,
            ctx={**context, "redis": pool},
            health_check_key=f"{queue}:health:{uuid4().hex[:8]}",
            job_serializer=encode,
            job_deserializer=decode,
            log_results=False,
        )
        self.in_progress_timeout_s = JOB_LOCK_SECONDS
        self._finished = Batcher(self._remove_finished)

    async def main(self) -> None:
        """Run until `should_stop`, then flush the metrics."""
        renewing = asyncio.create_task(self._renew_locks(), name=f"{self.queue_name}-renewing")
        try:
            while not await self.should_stop():
                await self._run_once()
        finally:
            renewing.cancel()
            with suppress(RedisError, OSError):  # Lost metrics must not hide another error or a cancellation.
                await self.metrics.flush(self.pool)

    async def should_stop(self) -> bool:
        """Return whether to end; a resident worker never does."""
        return False

    async def _renew_locks(self) -> None:
        """Renew the locks of running jobs, so that no other runner claims them.

        arq locks a job once, for longer than the longest job. A job whose runner crashed before it claimed its row
        would wait that long. A runner that stalls for longer than the lock lets a job run twice, which is harmless.
        """
        while True:
            await asyncio.sleep(JOB_LOCK_SECONDS / 3)
            for key in [key for key, task in self.tasks.items() if not task.done()]:
                try:
                    await self.pool.pexpire(in_progress_key_prefix + key, int(JOB_LOCK_SECONDS * 1000))
                except (RedisError, OSError) as error:
                    log.warning("queue %s: the lock of %s cannot be renewed (%s)", self.queue_name, key, error)
                    break

    async def _run_once(self) -> None:
        """Start jobs, then wait until a job is done or POLL_SECONDS have passed."""
        if self.allow_pick_jobs:
            await self._start_due()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(POLL_SECONDS)
        self._collect_done()
        if self.metrics.is_due():
            await self.metrics.flush(self.pool)

    async def _start_due(self) -> None:
        """Start due jobs from the front of the queue, up to the limit of parallel jobs."""
        page, start = self.max_jobs * 2, 0
        while self.job_counter < self.max_jobs and start < MAX_SCANNED:
            due = await self.pool.zrangebyscore(self.queue_name, "-inf", timestamp_ms(), start=start, num=page)
            await self.start_jobs(due)
            if len(due) < page:
                return
            start += page

    def _collect_done(self) -> None:
        for job_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[job_id]
                task.result()  # A failed write to Redis ends the loop, as a lost connection does.

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start the jobs that no other runner has claimed, up to the limit of parallel jobs."""
        left = [key for raw in job_ids if (key := raw.decode()) not in self.tasks]
        while left and (free := self.max_jobs - self.job_counter) > 0:
            batch, left = left[:free], left[free:]
            for key, score in await self._claim(batch):
                self.job_counter += 1
                task = self.loop.create_task(self.run_job(key, score))
                task.add_done_callback(self._on_done)
                self.tasks[key] = task

    def _on_done(self, _task: asyncio.Task[None]) -> None:
        self.job_counter -= 1

    async def _claim(self, keys: Sequence[str]) -> list[tuple[str, int]]:
        """Lock the jobs that are unclaimed and still due, in one round trip to Redis."""
        lock_ms = int(self.in_progress_timeout_s * 1000)
        async with self.pool.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.set(in_progress_key_prefix + key, b"1", nx=True, px=lock_ms)
                pipe.zscore(self.queue_name, key)  # After the claim: a job that ended in between is not in the queue.
            results = await pipe.execute()
        at = timestamp_ms()
        claimed = [
            (key, score) for key, is_locked, score in zip(keys, results[::2], results[1::2], strict=True) if is_locked
        ]
        unneeded = [in_progress_key_prefix + key for key, score in claimed if score is None or score > at]
        if unneeded:
            await self.pool.delete(*unneeded)
        return [(key, int(score)) for key, score in claimed if score is not None and score <= at]

    async def finish_job(self, job_id: str, finish: bool, result_data: bytes | None, *how: Any) -> None:
        """Remove a finished job from Redis, batched with jobs that finish at the same time."""
        # Retries and stored results take the stock path.
        if finish and result_data is None:
            await self._finished.submit([job_id])
        else:
            await super().finish_job(job_id, finish, result_data, *how)

    async def _remove_finished(self, keys: list[str]) -> None:
        prefixes = (in_progress_key_prefix, retry_key_prefix, job_key_prefix)
        async with self.pool.pipeline(transaction=True) as pipe:
            pipe.zrem(self.queue_name, *keys)
            pipe.delete(*(prefix + key for prefix in prefixes for key in keys))
            await pipe.execute()

    async def cancel_all(self) -> None:
        """Cancel the running jobs and wait for them to end; arq runs them again."""
        running = list(self.tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self.tasks.clear()
