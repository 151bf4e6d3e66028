"""Equal work runs once for users who have the files; unreferenced results are removed."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.errors import Conflict, NotFound
from jobs.data.run_operation import result_remove
from jobs.data.sweep import sweep_data
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.results import Result, ResultState
from models.services.data import dataoperations, datasessions, operation_runs
from tests.jobs.data.job_env import VERSIONS, Data, frame
from tests.waiting import eventually

VALUES = (1, 2, 9)


async def run_median(data: Data, who: str = "ada", filename: str = "a.fits") -> DataOperation:
    """Upload frames as a user and run a median of them in a new data session."""
    files = [await data.upload(frame(value), who, filename) for value in VALUES]
    session = data.datasession if who == "ada" else await data.session_of(who)
    return await data.run(await data.median(files, who, session))


async def stored_files(data: Data, result: Result) -> list[str]:
    """Return the files of a result that are still in the storage."""
    return [file["name"] for file in result.files if await data.services.storage.exists(file["storage_key"])]


async def test_equal_work_runs_once_across_users(data: Data) -> None:
    first, again, theirs = await run_median(data), await run_median(data), await run_median(data, "eve")

    assert {row.state for row in (first, again, theirs)} == {DataOperationState.SUCCEEDED}
    assert len({row.result_id for row in (first, again, theirs)}) == 1
    assert "Reused the result" in theirs.log
    assert await Result.all().count() == 1


async def test_concurrent_equal_operations_run_once(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    one, other = [await data.queue(seconds=60.0, mark=str(mark)) for _ in range(2)]
    making = asyncio.create_task(data.run(one))
    await eventually(lambda: Result.filter(maker=one.id).exists(), 20)

    waiting = await data.run(other)
    assert (waiting.state, waiting.attempts) == (DataOperationState.QUEUED, 0)
    assert "equal operation" in waiting.message
    assert (await data.run(other)).state is DataOperationState.QUEUED, "it goes on waiting, and no move is recorded"
    mark.touch()
    await making

    row = await data.run(other)
    assert row.state is DataOperationState.SUCCEEDED
    assert row.result_id == (await data.read(one)).result_id


async def test_equal_operation_computes_itself_after_cancellation(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    one, other = [await data.queue(seconds=60.0, mark=str(mark)) for _ in range(2)]
    making = asyncio.create_task(data.run(one))
    await eventually(lambda: Result.filter(maker=one.id).exists(), 20)
    await data.run(other)

    await dataoperations.request_cancel(await data.read(one), actor=await data.actor())
    await making
    mark.touch()

    assert (await data.run(other)).state is DataOperationState.SUCCEEDED


async def test_files_are_deleted_with_last_referencing_operation(data: Data) -> None:
    first, theirs = await run_median(data), await run_median(data, "eve")
    result = await data.result(first)
    assert await stored_files(data, result)

    await dataoperations.delete(first, actor=await data.actor())
    await result_remove(data.context, result.id)
    assert await stored_files(data, result), "somebody else still has it"
    await dataoperations.delete(theirs, actor=await data.actor("eve"))
    assert (await Result.get(id=result.id)).state is ResultState.RELEASED
    await result_remove(data.context, result.id)
    await result_remove(data.context, result.id)

    assert await stored_files(data, result) == []
    assert not await Result.filter(id=result.id).exists()


class TestOnOneDatabase:
    """Behaviour that does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_deleted_running_operation_leaves_nothing(self, data: Data) -> None:
        operation = await data.queue(seconds=60.0)
        running = asyncio.create_task(data.run(operation))
        await eventually(lambda: Result.filter(maker=operation.id).exists(), 20)

        await dataoperations.delete(await data.read(operation), actor=await data.actor())

        ended = await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 5)
        assert "DoesNotExist" in repr(ended), "there is no row to read any more"
        assert {result.state for result in await Result.all()} == {ResultState.RELEASED}

    async def test_expired_results_can_be_recomputed(self, data: Data) -> None:
        row = await run_median(data)
        result = await data.result(row)
        await DataOperation.filter(id=row.id).update(ended_at=now() - timedelta(days=31))

        await sweep_data(data.settings)
        await result_remove(data.context, result.id)

        expired = await data.read(row)
        assert (expired.state, expired.result_id) == (DataOperationState.EXPIRED, None)
        assert expired.message.endswith(".")
        assert await stored_files(data, result) == []
        await dataoperations.rerun(expired, [], VERSIONS, actor=await data.actor())
        assert (await data.run(row)).state is DataOperationState.SUCCEEDED

    async def test_sweep_releases_result_of_dead_worker(self, data: Data) -> None:
        operation = await data.queue()
        await Result.create(key="k", slot="s", maker=operation.id)

        await sweep_data(data.settings)

        assert (await Result.get(maker=operation.id)).state is ResultState.RELEASED

    async def test_late_worker_records_nothing_and_leaves_no_files(self, data: Data, tmp_path: Path) -> None:
        mark = tmp_path / "go"
        operation = await data.queue(seconds=60.0, mark=str(mark))
        late = asyncio.create_task(data.run(operation))
        await eventually(lambda: Result.filter(maker=operation.id).exists(), 20)
        result = await Result.get(maker=operation.id)
        stale = await data.read(operation)
        await DataOperation.filter(id=operation.id).update(lease_until=None, fence=stale.fence + 1)
        mark.touch()
        await late

        with pytest.raises(Conflict):
            await operation_runs.finish(stale, result, [], None, [], operation_runs.Progress())
        assert (await Result.get(id=result.id)).state is ResultState.MAKING
        assert (await data.read(operation)).state is DataOperationState.RUNNING

    async def test_other_user_cannot_use_upload_by_its_name(self, data: Data) -> None:
        files = [await data.upload(frame(value)) for value in VALUES]
        await data.run(await data.median(files))

        row = await data.run(await data.median(files, "eve", await data.session_of("eve")))

        assert (row.state, row.result_id) == (DataOperationState.FAILED, None)
        assert "no complete upload" in row.message

    async def test_deleting_datasession_deletes_its_results(self, data: Data) -> None:
        row = await run_median(data)
        result = await data.result(row)

        await datasessions.delete(data.datasession, actor=await data.actor())

        assert not await DataOperation.filter(id=row.id).exists()
        await result_remove(data.context, result.id)
        assert await stored_files(data, result) == []
        with pytest.raises(NotFound):
            await data.services.storage.size(result.files[0]["storage_key"])
