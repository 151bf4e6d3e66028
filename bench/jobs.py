"""What the house's promises cost a worker: jobs with claim, fence and outbox, beside jobs of bare arq that do nothing.

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

from carrel.services import Kernel, open_kernel
from core.clock import now
from core.database.compare_and_set import change
from core.database.connection import forget_statements
from core.messaging import outbox
from core.queue import Job, Spec, drain, region_queue
from core.redis.server import RedisServer
from core.settings import Settings, load
from models.accounts.history import ActorKind
from models.permissions.actor import Actor
from models.services.accounts import users
from models.services.accounts.roles import sync_default_roles
from models.services.migration import migrate
from models.services.sessions import regions, session_claims, workstations
from models.sessions.images import Image, ImageState
from models.sessions.sessions import Session, SessionState
from tests.services.postgres import postgres_server

AIM = 0.5
QUEUE = region_queue("bench")
PARALLEL = 20


async def nothing(_context: Mapping[str, Any], _key: int) -> None:
    """Do nothing, as bare arq's job."""


class Work:
    """Claim a row, and record under the fence that it is done, with the news of it in the outbox."""

    def __init__(self, settings: Settings) -> None:
        """Claim as long as the settings say."""
        self._settings = settings

    async def __call__(self, _context: Mapping[str, Any], key: int) -> None:
        """Do it for one row."""
        row = await session_claims.claim_stop(key, self._settings)
        if row is None:
            return
        mine = {"id": row.id, "state": SessionState.STOPPING, "fence": row.fence}
        end = {"state": SessionState.STOPPED, "lease_until": None, "ended_at": now()}
        await change(Session, mine, end, news=[outbox.event(row.topic)])


@dataclass(frozen=True)
class Pace:
    """How fast a round went: jobs per second, and processor time of the worker's process for each."""

    per_second: float
    cpu_us: float


class Stopwatch:
    """Measures from its making on."""

    def __init__(self) -> None:
        """Begin."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def pace(self, count: int) -> Pace:
        """Return how fast so many jobs were done."""
        spent, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Pace(count / spent, cpu / count * 1e6)


async def bare(kernel: Kernel, count: int) -> Pace:
    """Return the pace of bare arq, in its burst mode, as its own documentation shows."""
    pool = ArqRedis(pool_or_conn=kernel.redis.connection_pool)
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
    return watch.pace(count)


async def ours(kernel: Kernel, keys: list[int]) -> Pace:
    """Return the pace of our drain, over rows that are to be stopped."""
    await Session.filter(id__in=keys).update(state=SessionState.STOPPING, lease_until=None)
    for key in keys:
        await kernel.queue.enqueue(Job.SESSION_STOP, key, queue=QUEUE, key=f"stop:{key}")
    specs = {Job.SESSION_STOP: Spec(Work(kernel.settings), 5)}
    watch = Stopwatch()
    done = await drain(kernel.redis, QUEUE, specs, {}, budget=600, parallel=PARALLEL)
    pace = watch.pace(len(keys))
    assert done.done == len(keys)
    assert await Session.filter(state=SessionState.STOPPED).count() == len(keys), "every effect, once"
    assert await outbox.OutboxMessage.all().count() == 0, "every event has left"
    return pace


@asynccontextmanager
async def house(folder: Path, database_url: str | None, count: int) -> AsyncIterator[tuple[Kernel, list[int]]]:
    """Open a house with so many sessions."""
    redis = RedisServer(folder / "redis")
    address = await redis.start()
    try:
        settings = load(data_dir=folder, database_url=database_url, redis_url=address, log_level="WARNING")
        await migrate(settings)
        async with open_kernel(settings) as kernel:
            yield kernel, await _sessions(count)
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


async def measure(folder: Path, database_url: str | None, rounds: int, count: int) -> list[tuple[Pace, Pace]]:
    """Return the paces of bare arq and ours in each round, after one that only warms up."""
    async with house(folder, database_url, count) as (kernel, keys):
        return [(await bare(kernel, count), await ours(kernel, keys)) for _ in range(rounds + 1)][1:]


def report(kind: str, pairs: list[tuple[Pace, Pace]]) -> None:
    """Print medians, and those of the ratios within each round."""
    middle = statistics.median
    plain, mine = middle(one.per_second for one, _ in pairs), middle(two.per_second for _, two in pairs)
    ratios = sorted(two.per_second / one.per_second for one, two in pairs)
    cpu, ours_cpu = middle(one.cpu_us for one, _ in pairs), middle(two.cpu_us for _, two in pairs)
    share = middle(one.cpu_us / two.cpu_us for one, two in pairs)
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(f"{kind}: bare arq {plain:.0f} jobs/s, {cpu:.0f} µs of processor time each")
    print(f"  with claim, fence and outbox {mine:.0f} jobs/s, {ours_cpu:.0f} µs")
    print(f"  ratio {middle(ratios):.2f} {spread}, by processor time {share:.2f}; the aim is {AIM}")


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
            forget_statements()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                report(kind, runner.run(measure(folder, url, options.rounds, options.jobs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
