"""Equal work is done once, for those who have the files; what nobody has any more is removed."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.errors import Conflict, NotFound
from jobs.data.run_operation import result_remove
from jobs.data.sweep import sweep_data
from jobs.periodic import _each
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.results import Result, ResultState
from models.services.data import dataoperations, datasessions, operation_runs
from tests.jobs.data.job_env import VERSIONS, Data, frame
from tests.waiting import eventually

S = DataOperationState
VALUES = (1, 2, 9)


async def medians(data: Data, who: str = "ada", filename: str = "a.fits") -> DataOperation:
    """Let somebody bring the frames and run a median of them in a data session of their own."""
    files = [await data.upload(frame(value), who, filename) for value in VALUES]
    session = data.datasession if who == "ada" else await data.session_of(who)
    return await data.run(await data.median(files, who, session))


async def remains(data: Data, result: Result) -> list[str]:
    """Return the files of a result that are still in the storage."""
    return [file["name"] for file in result.files if await data.kernel.storage.exists(file["storage_key"])]


async def test_the_same_work_on_the_same_files_is_done_once_also_for_somebody_else(data: Data) -> None:
    first, again, theirs = await medians(data), await medians(data), await medians(data, "eve")

    assert {row.state for row in (first, again, theirs)} == {S.SUCCEEDED}
    assert len({row.result_id for row in (first, again, theirs)}) == 1
    assert "computed before" in theirs.log
    assert await Result.all().count() == 1


async def test_equal_operations_at_once_are_computed_once(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    one, other = [await data.queue(seconds=60.0, mark=str(mark)) for _ in range(2)]
    making = asyncio.create_task(data.run(one))
    await eventually(lambda: Result.filter(maker=one.id).exists(), 20)

    waiting = await data.run(other)
    assert (waiting.state, waiting.attempts) == (S.QUEUED, 0)
    assert "equal operation" in waiting.message
    assert (await data.run(other)).state is S.QUEUED, "it goes on waiting, and no move is recorded"
    mark.touch()
    await making

    row = await data.run(other)
    assert row.state is S.SUCCEEDED
    assert row.result_id == (await data.read(one)).result_id


async def test_when_the_one_that_computes_is_cancelled_an_equal_one_computes_itself(data: Data, tmp_path: Path) -> None:
    mark = tmp_path / "go"
    one, other = [await data.queue(seconds=60.0, mark=str(mark)) for _ in range(2)]
    making = asyncio.create_task(data.run(one))
    await eventually(lambda: Result.filter(maker=one.id).exists(), 20)
    await data.run(other)

    await dataoperations.request_cancel(await data.read(one), actor=await data.actor())
    await making
    mark.touch()

    assert (await data.run(other)).state is S.SUCCEEDED


async def test_the_files_go_with_the_last_operation_that_has_them(data: Data) -> None:
    first, theirs = await medians(data), await medians(data, "eve")
    result = await data.result(first)
    assert await remains(data, result)

    await dataoperations.delete(first, actor=await data.actor())
    await result_remove(data.context, result.id)
    assert await remains(data, result), "somebody else still has it"
    await dataoperations.delete(theirs, actor=await data.actor("eve"))
    assert (await Result.get(id=result.id)).state is ResultState.RELEASED
    await result_remove(data.context, result.id)
    await result_remove(data.context, result.id)

    assert await remains(data, result) == []
    assert not await Result.filter(id=result.id).exists()


class TestOnOneDatabase:
    """What does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_deleting_a_running_operation_ends_it_and_leaves_nothing(self, data: Data) -> None:
        operation = await data.queue(seconds=60.0)
        running = asyncio.create_task(data.run(operation))
        await eventually(lambda: Result.filter(maker=operation.id).exists(), 20)

        await dataoperations.delete(await data.read(operation), actor=await data.actor())

        ended = await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 5)
        assert "DoesNotExist" in repr(ended), "there is no row to read any more"
        assert {result.state for result in await Result.all()} == {ResultState.RELEASED}

    async def test_results_expire_by_their_age_and_can_be_had_again(self, data: Data) -> None:
        row = await medians(data)
        result = await data.result(row)
        await DataOperation.filter(id=row.id).update(ended_at=now() - timedelta(days=31))

        await sweep_data(data.settings, _each)
        await result_remove(data.context, result.id)

        expired = await data.read(row)
        assert (expired.state, expired.result_id) == (S.EXPIRED, None)
        assert expired.message.endswith(".")
        assert await remains(data, result) == []
        await dataoperations.rerun(expired, [], VERSIONS, actor=await data.actor())
        assert (await data.run(row)).state is S.SUCCEEDED

    async def test_what_a_lost_worker_was_making_is_given_up_by_the_sweep(self, data: Data) -> None:
        operation = await data.queue()
        await Result.create(key="k", slot="s", maker=operation.id)

        await sweep_data(data.settings, _each)

        assert (await Result.get(maker=operation.id)).state is ResultState.RELEASED

    async def test_a_worker_that_is_late_records_nothing_and_leaves_no_files(self, data: Data, tmp_path: Path) -> None:
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
        assert (await data.read(operation)).state is S.RUNNING

    async def test_another_user_can_neither_name_nor_compute_with_an_upload_by_repeating_its_name(
        self, data: Data
    ) -> None:
        files = [await data.upload(frame(value)) for value in VALUES]
        await data.run(await data.median(files))

        row = await data.run(await data.median(files, "eve", await data.session_of("eve")))

        assert (row.state, row.result_id) == (S.FAILED, None)
        assert "no complete upload" in row.message

    async def test_deleting_a_session_deletes_what_was_computed_in_it(self, data: Data) -> None:
        row = await medians(data)
        result = await data.result(row)

        await datasessions.delete(data.datasession, actor=await data.actor())

        assert not await DataOperation.filter(id=row.id).exists()
        await result_remove(data.context, result.id)
        assert await remains(data, result) == []
        with pytest.raises(NotFound):
            await data.kernel.storage.size(result.files[0]["storage_key"])
