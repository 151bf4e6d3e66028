"""Data operations as jobs: they compute in a process apart, tell how far they are, and leave a result."""

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
from models.services.data.operation_runs import ATTEMPTS
from tests.jobs.data.job_env import Data, frame
from tests.waiting import eventually

S = DataOperationState


async def stands(operation: DataOperation, *states: DataOperationState) -> bool:
    """Say whether the row is in one of these states now."""
    return await DataOperation.filter(id=operation.id, state__in=states).exists()


async def test_a_median_of_uploads_leaves_a_fits_file_previews_and_a_history(data: Data) -> None:
    files = [await data.upload(frame(value)) for value in (1, 2, 9)]
    operation = await data.median(files)

    row = await data.run(operation)

    assert (row.state, row.message, row.fraction, row.phase) == (S.SUCCEEDED, "", 1.0, "done")
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


async def test_how_far_it_is_is_told_while_it_runs_with_its_log(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    operation = await data.queue(seconds=60.0, mark=str(mark))
    async with data.kernel.bus.subscribe(operation.topic) as hints:
        running = asyncio.create_task(data.run(operation))
        await asyncio.wait_for(hints.wait(), 10)
        await eventually(lambda: _waiting(operation), 10)
        mark.touch()
        row = await running

    assert row.state is S.SUCCEEDED
    assert row.log == "waited"
    assert (await data.result(operation)).data == {"text": "waited"}


async def _waiting(operation: DataOperation) -> bool:
    row = await DataOperation.get(id=operation.id)
    return row.phase == "waiting" and row.message == "still" and 0.1 <= row.fraction < 1


@pytest.mark.parametrize("name", ["Patience", "Stubborn"])
async def test_a_running_operation_is_cancelled_within_two_seconds(
    data: Data, name: str, record_property: Callable[[str, object], None]
) -> None:
    operation = await data.queue(name, seconds=50.0)
    running = asyncio.create_task(data.run(operation))
    await eventually(lambda: _computes(operation), 20)

    loop = asyncio.get_running_loop()
    began = loop.time()
    await dataoperations.request_cancel(await data.read(operation), actor=await data.actor())
    assert await stands(operation, S.CANCELLING)
    await eventually(lambda: stands(operation, S.CANCELLED), 5)
    taken = loop.time() - began
    await running

    record_property("seconds to cancelled", round(taken, 2))
    assert taken <= 2.0
    row = await data.read(operation)
    assert (row.message, row.lease_until, row.result_id) == ("Cancelled on request.", None, None)
    assert await Result.filter(state=ResultState.MAKING).count() == 0


async def _computes(operation: DataOperation) -> bool:
    return (await DataOperation.get(id=operation.id)).fraction >= 0.1


class TestOnOneDatabase:
    """What does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_a_queued_operation_is_cancelled_at_once(self, data: Data) -> None:
        operation = await data.queue()

        await dataoperations.request_cancel(operation, actor=await data.actor())

        assert (await data.run(operation)).state is S.CANCELLED

    async def test_one_whose_process_is_killed_is_tried_again(self, data: Data, tmp_path: Path) -> None:
        operation = await data.queue("Fragile", seconds=1, mark=str(tmp_path / "tries.kill"))

        row = await data.run(operation)
        assert (row.state, row.attempts) == (S.QUEUED, 1)
        assert "(killed)" in row.message
        assert row.due_at
        assert row.due_at > now()
        assert (await data.run(operation)).attempts == 1, "its time has not come"
        await _due(operation)

        row = await data.run(operation)
        assert (row.state, row.attempts, row.message) == (S.SUCCEEDED, 2, "")

    async def test_after_the_last_attempt_it_has_failed_with_the_reason(self, data: Data, tmp_path: Path) -> None:
        operation = await data.queue("Fragile", seconds=99, mark=str(tmp_path / "tries"))
        for _ in range(ATTEMPTS):
            await data.run(operation)
            await _due(operation)

        row = await data.read(operation)
        assert (row.state, row.message) == (S.FAILED, f"The wind blew. It was tried {ATTEMPTS} times.")

    @pytest.mark.parametrize(
        ("name", "inputs", "sentence"),
        [
            ("Greedy", {}, "memory"),
            ("Greedy", {"mark": "honest"}, "would need about"),
            ("Broken", {}, "It failed for a reason of ours, which is logged."),
            ("Nothing", {}, "There is no operation Nothing"),
        ],
    )
    async def test_what_cannot_work_fails_with_one_sentence(
        self, data: Data, name: str, inputs: dict[str, str], sentence: str
    ) -> None:
        operation = await data.queue(name, **inputs)

        row = await data.run(operation)

        for _ in range(ATTEMPTS):
            await _due(operation)
            row = await data.run(operation)
        assert row.state is S.FAILED
        assert sentence in row.message
        assert row.message.endswith(".")
        assert "/etc" not in row.message + row.log
        assert await Result.filter(state=ResultState.MAKING).count() == 0

    async def test_numbers_that_json_has_not_are_null(self, data: Data) -> None:
        row = await data.run(await data.queue("Numbers"))

        assert (await data.result(row)).data == {"nan": None, "infinite": [None, 1.0]}
        assert row.warnings == ["One value is none."]

    async def test_a_worker_that_was_lost_is_taken_over_when_its_lease_is_over(self, data: Data) -> None:
        operation = await data.queue()
        dead = await operating_claim(data, operation)
        assert (await data.run(operation)).state is S.RUNNING, "the lease still runs"

        await DataOperation.filter(id=operation.id).update(lease_until=now() - timedelta(seconds=1))
        row = await data.run(operation)

        assert (row.state, row.attempts, row.fence) == (S.SUCCEEDED, 2, dead.fence + 1)

    async def test_one_that_loses_every_worker_fails_visibly(self, data: Data) -> None:
        operation = await data.queue()
        await operating_claim(data, operation)
        past = now() - timedelta(seconds=1)
        await DataOperation.filter(id=operation.id).update(lease_until=past, attempts=ATTEMPTS)

        row = await data.run(operation)

        assert row.state is S.FAILED
        assert f"lost {ATTEMPTS} times" in row.message

    async def test_a_worker_that_lost_its_claim_stops_computing_and_records_nothing(self, data: Data) -> None:
        operation = await data.queue(seconds=50.0)
        running = asyncio.create_task(dataoperation_run(data.context, operation.id))
        await eventually(lambda: _computes(operation), 20)

        await DataOperation.filter(id=operation.id).update(fence=99)

        await asyncio.wait_for(running, 5)
        assert (await data.read(operation)).state is S.RUNNING

    async def test_a_worker_that_ends_gives_the_operation_back(self, data: Data) -> None:
        operation = await data.queue(seconds=50.0)
        running = asyncio.create_task(dataoperation_run(data.context, operation.id))
        await eventually(lambda: _computes(operation), 20)

        running.cancel()
        await asyncio.wait([running], timeout=5)

        row = await data.read(operation)
        assert (row.state, row.attempts, row.due_at, row.lease_until) == (S.QUEUED, 0, None, None)

    async def test_doing_it_twice_at_once_does_it_once(self, data: Data) -> None:
        operation = await data.queue()

        await asyncio.gather(*(dataoperation_run(data.context, operation.id) for _ in range(3)))
        await dataoperation_run(data.context, 10_000)

        row = await data.read(operation)
        assert (row.state, row.attempts) == (S.SUCCEEDED, 1)
        assert await Result.all().count() == 1

    async def test_a_creator_whose_account_is_closed_computes_nothing(self, data: Data) -> None:
        operation = await data.queue()
        data.people["ada"].is_active = False
        await data.people["ada"].save()

        assert "account" in (await data.run(operation)).message


async def operating_claim(data: Data, operation: DataOperation) -> DataOperation:
    """Claim the operation as a worker that dies right after."""
    claimed = await operation_runs.claim(operation.id, data.settings)
    assert claimed
    return claimed


async def _due(operation: DataOperation) -> None:
    """Let the time of the next attempt come."""
    await DataOperation.filter(id=operation.id).update(due_at=None)


class TestShortTime:
    """Operations may take little time."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"data_seconds": 3.0})

    async def test_one_that_takes_longer_fails_with_a_sentence(self, data: Data) -> None:
        row = await data.run(await data.queue("Stubborn", seconds=50.0))

        assert (row.state, row.message) == (S.FAILED, "It took longer than the 3 s that it may take.")
