"""arq's worker with a loop of ours: it takes many jobs at once, looks again when one is done, and knows its end."""

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
from core.queue.codec import arq_over, decode, encode
from core.queue.job_spec import Spec, guarded
from core.queue.metrics import Tally
from core.queue.names import Job

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
WINDOW = 500
"""How many due jobs are looked at; those that others run stand in front."""
HELD_SECONDS = 6.0
"""How long whoever has died still holds the jobs that it had picked up."""


class Runner(ArqWorker):
    """Runs the jobs of one queue until `is_over`; a job that was begun is always ended by itself or by its time limit.

    The stock loop begins as many jobs as it may in each of its rounds, which come at fixed times, and asks Redis five
    times for each; it also announces itself, checks its health and keeps cron tables, which nobody here needs.
    """

    def __init__(
        self, redis: Redis, queue: str, jobs: Mapping[Job, Spec], context: Mapping[str, Any], *, parallel: int
    ) -> None:
        """Prepare; nothing runs before `main`."""
        self.tally = Tally()
        pool = arq_over(redis)
        super().__init__(
            functions=[
                func(
                    guarded(name, spec, self.tally),  # type: ignore[arg-type]
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
        self.in_progress_timeout_s = HELD_SECONDS
        self._ending = Batcher(self._take_out)

    async def main(self) -> None:
        """Run until it is over, and say then what was done."""
        holding = asyncio.create_task(self._hold(), name=f"{self.queue_name}-holding")
        try:
            while not await self.is_over():
                await self._round()
        finally:
            holding.cancel()
            with suppress(RedisError, OSError):  # Numbers are not worth an error that hides another, or a cancellation.
                await self.tally.tell(self.pool)

    async def is_over(self) -> bool:
        """Say whether no more is to be done; never, for a resident worker."""
        return False

    async def _hold(self) -> None:
        """Say every few seconds that the jobs in hand are in hand, so that nobody else takes them.

        arq says it once, for longer than the longest job; a job whose runner dies before it has claimed its row would
        wait that long. One that stands still longer than the hold lets a job run twice, which is harmless.
        """
        while True:
            await asyncio.sleep(HELD_SECONDS / 3)
            for key in [key for key, task in self.tasks.items() if not task.done()]:
                try:
                    await self.pool.pexpire(in_progress_key_prefix + key, int(HELD_SECONDS * 1000))
                except (RedisError, OSError) as error:
                    log.warning("queue %s: %s cannot be held (%s)", self.queue_name, key, error)
                    break

    async def _round(self) -> None:
        """Begin what may be begun, and wait until one job is done or a moment is over."""
        if self.allow_pick_jobs:
            await self._begin_due()
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(POLL_SECONDS)
        self._forget_ended()
        if self.tally.is_due():
            await self.tally.tell(self.pool)

    async def _begin_due(self) -> None:
        """Look at the queue from its front, as far as there is room and something to begin."""
        look, start = self.max_jobs * 2, 0
        while self.job_counter < self.max_jobs and start < WINDOW:
            due = await self.pool.zrangebyscore(self.queue_name, "-inf", timestamp_ms(), start=start, num=look)
            await self.start_jobs(due)
            if len(due) < look:
                return
            start += look

    def _forget_ended(self) -> None:
        for job_id, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[job_id]
                task.result()  # What could not be written to Redis ends the loop, as a loss of it.

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Begin as many of these as there is room for and nobody else runs."""
        left = [key for raw in job_ids if (key := raw.decode()) not in self.tasks]
        while left and (free := self.max_jobs - self.job_counter) > 0:
            some, left = left[:free], left[free:]
            for key, score in await self._claim(some):
                self.job_counter += 1
                task = self.loop.create_task(self.run_job(key, score))
                task.add_done_callback(self._ended)
                self.tasks[key] = task

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self.job_counter -= 1

    async def _claim(self, keys: Sequence[str]) -> list[tuple[str, int]]:
        """Take those of the jobs that nobody runs and that are still due, in one conversation with Redis."""
        held = int(self.in_progress_timeout_s * 1000)
        async with self.pool.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.set(in_progress_key_prefix + key, b"1", nx=True, px=held)
                pipe.zscore(self.queue_name, key)  # After the claim: one that ended meanwhile is not in the queue.
            told = await pipe.execute()
        at = timestamp_ms()
        taken = [(key, score) for key, is_mine, score in zip(keys, told[::2], told[1::2], strict=True) if is_mine]
        vain = [in_progress_key_prefix + key for key, score in taken if score is None or score > at]
        if vain:
            await self.pool.delete(*vain)
        return [(key, int(score)) for key, score in taken if score is not None and score <= at]

    async def finish_job(self, job_id: str, finish: bool, result_data: bytes | None, *how: Any) -> None:
        """Take a job that has ended out of Redis, together with those that end in the same moment."""
        if finish and result_data is None:
            await self._ending.submit([job_id])
        else:
            await super().finish_job(job_id, finish, result_data, *how)

    async def _take_out(self, keys: list[str]) -> None:
        prefixes = (in_progress_key_prefix, retry_key_prefix, job_key_prefix)
        async with self.pool.pipeline(transaction=True) as pipe:
            pipe.zrem(self.queue_name, *keys)
            pipe.delete(*(prefix + key for prefix in prefixes for key in keys))
            await pipe.execute()

    async def cancel_all(self) -> None:
        """Cancel what runs and wait until it has ended; arq runs it again."""
        running = list(self.tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self.tasks.clear()
