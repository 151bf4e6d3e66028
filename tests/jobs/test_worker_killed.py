"""Workers are killed and Redis is flushed while operations run; every operation still ends correctly, once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from core.settings import Settings
from jobs.data.sweep import sweep_data
from models.accounts.history import HistoryEntry
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.results import Result
from tests.e2e.installation import environment
from tests.jobs.conftest import PLUGIN
from tests.jobs.data.job_env import Data
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


@contextmanager
def working(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker with a short sweep interval; the fixture kills it."""
    path = os.pathsep.join([str(PLUGIN), str(ROOT)])
    changes = {"CARREL_SWEEP_SECONDS": "0.3", "CARREL_LEASE_SECONDS": "2", "PYTHONPATH": path}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.running_worker"], env=environment(settings, **changes)
    ) as process:
        yield process
        process.kill()


async def _is_in_state(operation: DataOperation, state: DataOperationState, phase: str = "") -> bool:
    row = await DataOperation.get(id=operation.id)
    return row.state is state and phase in row.phase


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
async def test_operation_survives_killed_worker_and_flushed_redis(data: Data, redis: Redis, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    operation = await data.queue(seconds=120.0, mark=str(mark))
    with working(data.settings) as first:
        await eventually(lambda: _is_in_state(operation, DataOperationState.RUNNING, "waiting"), 30)
        hands = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGKILL)
    assert hands
    await eventually(lambda: not any(hand.is_running() and hand.status() != "zombie" for hand in hands), 5)
    await redis.flushall()

    with working(data.settings):
        await eventually(lambda: _second_attempt(operation), 30)
        mark.touch()
        await eventually(lambda: _is_in_state(operation, DataOperationState.SUCCEEDED), 30)

    row = await data.read(operation)
    assert (row.attempts, row.log) == (2, "waited")
    assert await Result.filter(id=row.result_id).count() == 1
    moves = HistoryEntry.filter(resource="data_operation", object_id=row.id, to_state="succeeded")
    assert await moves.count() == 1


async def _second_attempt(operation: DataOperation) -> bool:
    row = await DataOperation.get(id=operation.id)
    return row.attempts == 2 and row.phase == "waiting"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sweep_finishes_cancellation_after_worker_was_killed(data: Data) -> None:
    operation = await data.queue()
    await DataOperation.filter(id=operation.id).update(state=DataOperationState.CANCELLING, lease_until=None)

    await sweep_data(data.settings)
    row = await data.run(operation)

    assert row.state is DataOperationState.CANCELLED
