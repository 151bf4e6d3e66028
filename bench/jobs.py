"""Measures the cost of claim, fence and outbox: jobs of Carrel beside jobs of bare arq that do nothing.

Run `python -m bench.jobs [--rounds 5] [--jobs 1500] [--postgres URL]`. Both drain the same number of jobs from the same
Redis, in turn, in one process on one loop; the figures are medians of the rounds.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from arq import func
from arq.connections import ArqRedis
from arq.worker import Worker as ArqWorker

from carrel.services import ProcessServices, open_services
from core.clock import now
from core.database.connection import clear_statement_cache
from core.messaging import outbox
from core.messaging.outbox import update_with_outbox
from core.queue import Job, JobSpec, drain, region_queue
from core.redis.server import RedisServer
from core.settings import Settings, load
from models.accounts.history import ActorKind
from models.permissions.principal import Actor
from models.services.accounts import users
from models.services.accounts.roles import sync_default_roles
from models.services.migration import migrate
from models.services.sessions import regions, session_runs, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from tests.services.postgres import postgres_server

TARGET_RATIO = 0.5
QUEUE = region_queue("bench")
PARALLEL = 20


async def nothing(_context: Mapping[str, Any], _key: int) -> None:
    """Do nothing."""


class FencedJob:
    """A job that claims a row and records its end under the fence, with an outbox message."""

    def __init__(self, settings: Settings) -> None:
        """Use the lease of `settings`."""
        self._settings = settings

    async def __call__(self, _context: Mapping[str, Any], key: int) -> None:
        """Process one row."""
        row = await session_runs.claim_stop(key, self._settings)
        if row is None:
            return
        condition = {"id": row.id, "state": SessionState.STOPPING, "fence": row.fence}
        end = {"state": SessionState.STOPPED, "lease_until": None, "ended_at": now()}
        await update_with_outbox(Session, condition, end, messages=[outbox.event(row.topic)])


@dataclass(frozen=True)
class Throughput:
    """Throughput of a round: jobs per second, and processor time per job."""

    per_second: float
    cpu_us: float


class Stopwatch:
    """Measures wall and processor time from its creation."""

    def __init__(self) -> None:
        """Start."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def throughput(self, count: int) -> Throughput:
        """Return the throughput of `count` jobs."""
        spent, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Throughput(count / spent, cpu / count * 1e6)


async def bare(services: ProcessServices, count: int) -> Throughput:
    """Return the throughput of bare arq in burst mode, as its documentation shows."""
    pool = ArqRedis(pool_or_conn=services.redis.connection_pool)
    for number in range(count):
        await pool.enqueue_job("nothing", number, _queue_name="bare")
    worker = ArqWorker(
        [func(nothing, name="nothing", keep_result=0)],
        queue_name="bare",
        redis_pool=pool,
        burst=True,
        handle_signals=False,
        max_jobs=PARALLEL,
        poll_delay=0.001,
    )
    watch = Stopwatch()
    await worker.main()
    assert worker.jobs_complete == count
    return watch.throughput(count)


async def drain_queue(services: ProcessServices, keys: list[int]) -> Throughput:
    """Return the throughput of Carrel's drain over stopping sessions."""
    await Session.filter(id__in=keys).update(state=SessionState.STOPPING, lease_until=None)
    for key in keys:
        await services.queue.enqueue(Job.SESSION_STOP, key, queue=QUEUE, key=f"stop:{key}")
    specs = {Job.SESSION_STOP: JobSpec(FencedJob(services.settings), 5)}
    watch = Stopwatch()
    done = await drain(services.redis, QUEUE, specs, {}, budget=600, parallel=PARALLEL)
    throughput = watch.throughput(len(keys))
    assert done.done == len(keys)
    assert await Session.filter(state=SessionState.STOPPED).count() == len(keys), "every effect, once"
    assert await outbox.OutboxMessage.all().count() == 0, "every event has left"
    return throughput


@asynccontextmanager
async def open_environment(
    folder: Path, database_url: str | None, count: int
) -> AsyncIterator[tuple[ProcessServices, list[int]]]:
    """Open services over a database with `count` sessions."""
    redis = RedisServer(folder / "redis")
    address = await redis.start()
    try:
        settings = load(data_dir=folder, database_url=database_url, redis_url=address, log_level="WARNING")
        await migrate(settings)
        async with open_services(settings) as services:
            yield services, await _sessions(count)
    finally:
        await redis.stop()


async def _sessions(count: int) -> list[int]:
    await sync_default_roles()
    region = await regions.ensure("bench", 2)
    builder = await users.register("builder", None, role="builder")
    workstation = await workstations.create("Bench", actor=Actor(ActorKind.USER, builder.id))
    image = await Image.create(workstation=workstation, state=ImageState.READY, reference="v:1", http_port=8080)
    until = now() + timedelta(hours=1)
    rows = [
        Session(image=image, region=region, creator=builder, label=f"s{number}", maximum_seconds=60, expires_at=until)
        for number in range(count)
    ]
    await Session.bulk_create(rows)
    return [int(str(key)) for key in await Session.all().values_list("id", flat=True)]


async def measure(
    folder: Path, database_url: str | None, rounds: int, count: int
) -> list[tuple[Throughput, Throughput]]:
    """Return the throughputs of bare arq and Carrel in each round, after a warm-up round."""
    async with open_environment(folder, database_url, count) as (services, keys):
        return [(await bare(services, count), await drain_queue(services, keys)) for _ in range(rounds + 1)][1:]


def report(kind: str, pairs: list[tuple[Throughput, Throughput]]) -> None:
    """Print the medians of both, and of the ratios within each round."""
    middle = statistics.median
    plain, carrel = middle(one.per_second for one, _ in pairs), middle(two.per_second for _, two in pairs)
    ratios = sorted(two.per_second / one.per_second for one, two in pairs)
    cpu, carrel_cpu = middle(one.cpu_us for one, _ in pairs), middle(two.cpu_us for _, two in pairs)
    share = middle(one.cpu_us / two.cpu_us for one, two in pairs)
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(f"{kind}: bare arq {plain:.0f} jobs/s, {cpu:.0f} µs of processor time each")
    print(f"  with claim, fence and outbox {carrel:.0f} jobs/s, {carrel_cpu:.0f} µs")
    print(f"  ratio {middle(ratios):.2f} {spread}, by processor time {share:.2f}; the target is {TARGET_RATIO}")


def main() -> int:
    """Measure on both kinds of database."""
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1500)
    options = parser.parse_args()
    logging.getLogger("arq").setLevel(logging.WARNING)
    with TemporaryDirectory(prefix="carrel-bench-") as name, postgres_server() as server:
        kinds = {"PostgreSQL": asyncio.run(server.create("bench")), "SQLite": None}
        for kind, url in kinds.items():
            folder = Path(name) / kind
            folder.mkdir()
            clear_statement_cache()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                report(kind, runner.run(measure(folder, url, options.rounds, options.jobs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
