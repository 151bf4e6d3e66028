"""Data operations as jobs: they compute in a separate process, report progress and store a result."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from core.clock import now
from core.settings import Settings
from jobs.data.run_operation import dataoperation_run
from models.accounts.history import HistoryEntry
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.results import Result, ResultState
from models.services.data import dataoperations, operation_runs
from models.services.data.operation_runs import MAX_RUN_ATTEMPTS
from tests.jobs.data.job_env import Data, frame
from tests.waiting import eventually


async def is_in_state(operation: DataOperation, *states: DataOperationState) -> bool:
    """Return whether the row is in one of these states."""
    return await DataOperation.filter(id=operation.id, state__in=states).exists()


async def test_median_stores_fits_previews_and_history(data: Data) -> None:
    files = [await data.upload(frame(value)) for value in (1, 2, 9)]
    operation = await data.median(files)

    row = await data.run(operation)

    assert (row.state, row.message, row.fraction, row.phase) == (DataOperationState.SUCCEEDED, "", 1.0, "done")
    assert row.lease_until is None
    assert row.estimated_bytes
    result = await data.result(operation)
    assert (result.state, result.key) == (ResultState.READY, row.result_key)
    assert {"fits", "large", "small"} <= {file["kind"] for file in result.files}
    content = await data.stored(operation)
    file = next(file for file in result.files if file["kind"] == "fits")
    assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    with fits.open(BytesIO(content)) as opened:
        pixels = next(hdu.data for hdu in opened if hdu.data is not None and hdu.data.ndim == 2)
        assert np.all(pixels == 2)
    moves = (
        await HistoryEntry.filter(resource="data_operation", object_id=row.id)
        .order_by("id")
        .values_list("to_state", flat=True)
    )
    assert moves == ["queued", "running", "succeeded"]


async def test_progress_and_log_are_recorded_while_running(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    operation = await data.queue(seconds=60.0, mark=str(mark))
    async with data.services.bus.subscribe(operation.topic) as hints:
        running = asyncio.create_task(data.run(operation))
        await asyncio.wait_for(hints.wait(), 10)
        await eventually(lambda: _is_waiting(operation), 10)
        mark.touch()
        row = await running

    assert row.state is DataOperationState.SUCCEEDED
    assert row.log == "waited"
    assert (await data.result(operation)).data == {"text": "waited"}


async def _is_waiting(operation: DataOperation) -> bool:
    row = await DataOperation.get(id=operation.id)
    return row.phase == "waiting" and row.message == "still" and 0.1 <= row.fraction < 1


@pytest.mark.parametrize("name", ["Slow", "Stubborn"])
async def test_running_operation_is_cancelled_within_two_seconds(
    data: Data, name: str, record_property: Callable[[str, object], None]
) -> None:
    operation = await data.queue(name, seconds=50.0)
    running = asyncio.create_task(data.run(operation))
    await eventually(lambda: _is_computing(operation), 20)

    loop = asyncio.get_running_loop()
    began = loop.time()
    await dataoperations.request_cancel(await data.read(operation), actor=await data.actor())
    assert await is_in_state(operation, DataOperationState.CANCELLING)
    await eventually(lambda: is_in_state(operation, DataOperationState.CANCELLED), 5)
    taken = loop.time() - began
    await running

    record_property("seconds to cancelled", round(taken, 2))
    assert taken <= 2.0
    row = await data.read(operation)
    assert (row.message, row.lease_until, row.result_id) == ("Cancelled on request.", None, None)
    assert await Result.filter(state=ResultState.MAKING).count() == 0


async def _is_computing(operation: DataOperation) -> bool:
    return (await DataOperation.get(id=operation.id)).fraction >= 0.1


class TestOnOneDatabase:
    """Behaviour that does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_queued_operation_is_cancelled_at_once(self, data: Data) -> None:
        operation = await data.queue()

        await dataoperations.request_cancel(operation, actor=await data.actor())

        assert (await data.run(operation)).state is DataOperationState.CANCELLED

    async def test_killed_process_is_retried(self, data: Data, tmp_path: Path) -> None:
        operation = await data.queue("Fragile", seconds=1, mark=str(tmp_path / "tries.kill"))

        row = await data.run(operation)
        assert (row.state, row.attempts) == (DataOperationState.QUEUED, 1)
        assert "(killed)" in row.message
        assert row.due_at
        assert row.due_at > now()
        assert (await data.run(operation)).attempts == 1, "its time has not come"
        await _make_due(operation)

        row = await data.run(operation)
        assert (row.state, row.attempts, row.message) == (DataOperationState.SUCCEEDED, 2, "")

    async def test_last_failed_attempt_records_reason(self, data: Data, tmp_path: Path) -> None:
        operation = await data.queue("Fragile", seconds=99, mark=str(tmp_path / "tries"))
        for _ in range(MAX_RUN_ATTEMPTS):
            await data.run(operation)
            await _make_due(operation)

        row = await data.read(operation)
        assert (row.state, row.message) == (
            DataOperationState.FAILED,
            f"The wind blew. It failed {MAX_RUN_ATTEMPTS} times.",
        )

    @pytest.mark.parametrize(
        ("name", "inputs", "sentence"),
        [
            ("Greedy", {}, "memory"),
            ("Greedy", {"mark": "honest"}, "It needs about"),
            ("Broken", {}, "It failed because of an internal error (see the log)."),
            ("Nothing", {}, "There is no operation Nothing"),
        ],
    )
    async def test_impossible_operation_fails_with_one_sentence(
        self, data: Data, name: str, inputs: dict[str, str], sentence: str
    ) -> None:
        operation = await data.queue(name, **inputs)

        row = await data.run(operation)

        for _ in range(MAX_RUN_ATTEMPTS):
            await _make_due(operation)
            row = await data.run(operation)
        assert row.state is DataOperationState.FAILED
        assert sentence in row.message
        assert row.message.endswith(".")
        assert "/etc" not in row.message + row.log
        assert await Result.filter(state=ResultState.MAKING).count() == 0

    async def test_non_finite_numbers_become_null(self, data: Data) -> None:
        row = await data.run(await data.queue("Numbers"))

        assert (await data.result(row)).data == {"nan": None, "infinite": [None, 1.0]}
        assert row.warnings == ["One value is none."]

    async def test_operation_of_dead_worker_is_taken_over(self, data: Data) -> None:
        operation = await data.queue()
        dead = await claim_again(data, operation)
        assert (await data.run(operation)).state is DataOperationState.RUNNING, "the lease still runs"

        await DataOperation.filter(id=operation.id).update(lease_until=now() - timedelta(seconds=1))
        row = await data.run(operation)

        assert (row.state, row.attempts, row.fence) == (DataOperationState.SUCCEEDED, 2, dead.fence + 1)

    async def test_operation_that_kills_every_worker_fails(self, data: Data) -> None:
        operation = await data.queue()
        await claim_again(data, operation)
        past = now() - timedelta(seconds=1)
        await DataOperation.filter(id=operation.id).update(lease_until=past, attempts=MAX_RUN_ATTEMPTS)

        row = await data.run(operation)

        assert row.state is DataOperationState.FAILED
        assert f"stopped {MAX_RUN_ATTEMPTS} times" in row.message

    async def test_worker_with_lost_claim_records_nothing(self, data: Data) -> None:
        operation = await data.queue(seconds=50.0)
        running = asyncio.create_task(dataoperation_run(data.context, operation.id))
        await eventually(lambda: _is_computing(operation), 20)

        await DataOperation.filter(id=operation.id).update(fence=99)

        await asyncio.wait_for(running, 5)
        assert (await data.read(operation)).state is DataOperationState.RUNNING

    async def test_stopping_worker_releases_operation(self, data: Data) -> None:
        operation = await data.queue(seconds=50.0)
        running = asyncio.create_task(dataoperation_run(data.context, operation.id))
        await eventually(lambda: _is_computing(operation), 20)

        running.cancel()
        await asyncio.wait([running], timeout=5)

        row = await data.read(operation)
        assert (row.state, row.attempts, row.due_at, row.lease_until) == (DataOperationState.QUEUED, 0, None, None)

    async def test_concurrent_jobs_run_operation_once(self, data: Data) -> None:
        operation = await data.queue()

        await asyncio.gather(*(dataoperation_run(data.context, operation.id) for _ in range(3)))
        await dataoperation_run(data.context, 10_000)

        row = await data.read(operation)
        assert (row.state, row.attempts) == (DataOperationState.SUCCEEDED, 1)
        assert await Result.all().count() == 1

    async def test_closed_account_computes_nothing(self, data: Data) -> None:
        operation = await data.queue()
        data.people["ada"].is_active = False
        await data.people["ada"].save()

        assert "account" in (await data.run(operation)).message


async def claim_again(data: Data, operation: DataOperation) -> DataOperation:
    """Claim the operation for a worker that dies."""
    claimed = await operation_runs.claim(operation.id, data.settings)
    assert claimed
    return claimed


async def _make_due(operation: DataOperation) -> None:
    """Make the next attempt due."""
    await DataOperation.filter(id=operation.id).update(due_at=None)


class TestShortTime:
    """With a short time limit of operations."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"data_seconds": 3.0})

    async def test_exceeded_time_limit_fails_with_sentence(self, data: Data) -> None:
        row = await data.run(await data.queue("Stubborn", seconds=50.0))

        assert (row.state, row.message) == (DataOperationState.FAILED, "It took longer than its time limit of 3 s.")
