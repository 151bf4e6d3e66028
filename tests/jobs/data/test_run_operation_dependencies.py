"""Operations that depend on others: they run in order, fail with their inputs and are rerun together."""

import pytest

from core.errors import Conflict
from core.queue import data_queue
from jobs.data.sweep import sweep_data
from models.data.dataoperations import DataOperation, DataOperationState
from models.services.data import dataoperations, operation_queue
from models.services.data.sources.datasession import output_name
from tests.jobs.data.job_env import Data, frame


def output(operation: DataOperation, index: int = 0) -> dict[str, str]:
    """Return an output as an input of another operation."""
    return {"source": "datasession", "basename": output_name(operation.id, index)}


async def after(data: Data, *needs: DataOperation, index: int = 0) -> DataOperation:
    """Queue an operation that reads the outputs of others."""
    return await data.queue(needs=needs, input_files=[output(each, index) for each in needs])


async def enqueued_operations(data: Data) -> set[int]:
    """Return the ids of enqueued operations."""
    keys = [key.decode().split(":") for key in await data.services.redis.zrange(data_queue(), 0, -1)]
    return {int(key[1]) for key in keys if key[0] == "operation"}


async def test_operation_waits_for_its_inputs(data: Data) -> None:
    files = [await data.upload(frame(value)) for value in (1, 2, 9)]
    first = await data.median(files)
    second = await data.queue("Median", needs=(first,), input_files=[output(first), files[2]])
    assert await enqueued_operations(data) == {first.id}
    assert (await data.run(second)).state is DataOperationState.QUEUED

    await data.run(first)

    assert await enqueued_operations(data) == {first.id, second.id}, "it is called when its input is there"
    row = await data.run(second)
    assert row.state is DataOperationState.SUCCEEDED, row.message


@pytest.mark.parametrize("end", ["fail", "cancel", "delete"])
async def test_failed_input_fails_all_dependent_operations(data: Data, end: str) -> None:
    first = await data.queue("Broken" if end == "fail" else "Slow")
    second = await after(data, first)
    third = await after(data, second)

    if end == "fail":
        await data.run(first)
    elif end == "cancel":
        await dataoperations.request_cancel(first, actor=await data.actor())
    else:
        await dataoperations.delete(first, actor=await data.actor())

    for row in (await data.read(second), await data.read(third)):
        assert row.state is DataOperationState.FAILED
        assert row.message.startswith("An input comes from")
        assert row.message.endswith(".")


class TestOnOneDatabase:
    """Behaviour that does not depend on the kind of database."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    async def test_rerun_recomputes_dependent_operations(self, data: Data) -> None:
        first = await data.queue()
        second = await after(data, first)
        third = await after(data, second)
        before = [(await data.run(row)).result_id for row in (first, second, third)]

        below = await operation_queue.downstream(await data.read(first))
        await dataoperations.rerun(await data.read(first), below, {}, actor=await data.actor())

        assert [(await data.read(row)).state for row in (first, second, third)] == [DataOperationState.QUEUED] * 3
        assert (await data.run(third)).state is DataOperationState.QUEUED, "it waits for the others"
        rows = [await data.run(row) for row in (first, second, third)]
        assert [row.state for row in rows] == [DataOperationState.SUCCEEDED] * 3
        assert not {row.result_id for row in rows} & set(before)

    async def test_only_ended_operations_are_rerun(self, data: Data) -> None:
        with pytest.raises(Conflict):
            await dataoperations.rerun(await data.queue(), [], {}, actor=await data.actor())

    async def test_unknown_output_is_reported(self, data: Data) -> None:
        first = await data.queue()
        await data.run(first)

        row = await data.run(await after(data, first, index=7))

        assert row.state is DataOperationState.FAILED
        assert "has no FITS output 7" in row.message

    async def test_expired_input_is_reported(self, data: Data) -> None:
        first = await data.queue()
        await data.run(first)
        second = await after(data, first)
        await dataoperations.expire(await data.read(first))

        row = await data.run(second)

        assert (row.state, row.attempts) == (DataOperationState.FAILED, 0)
        assert "is expired" in row.message

    async def test_sweep_enqueues_startable_operations_after_redis_flush(self, data: Data) -> None:
        first = await data.queue()
        second = await after(data, first)
        other = await data.queue()
        await data.services.redis.flushall()

        await sweep_data(data.settings)

        assert await enqueued_operations(data) == {first.id, other.id}
        await data.run(first)
        await data.services.redis.flushall()
        await sweep_data(data.settings)
        assert await enqueued_operations(data) == {second.id, other.id}
