"""A data operation whose job has no retries left ends with the reason, unless it has ended already."""

import pytest

from jobs.data.on_exhausted import fail_operation
from models.data.dataoperations import DataOperation, DataOperationState
from tests.jobs.data.job_env import Data

REASON = "It failed 5 times because of an internal error (ZeroDivisionError); see the log."


async def test_exhausted_operation_fails_with_the_operations_that_wait(data: Data) -> None:
    first = await data.queue()
    waiting = await data.queue(needs=(first,))

    await fail_operation(data.context, first.id, REASON)

    row = await data.read(first)
    assert (row.state, row.message) == (DataOperationState.FAILED, REASON)
    assert (await data.read(waiting)).state is DataOperationState.FAILED


async def test_exhausted_cancellation_is_finished(data: Data) -> None:
    operation = await data.queue()
    await DataOperation.filter(id=operation.id).update(state=DataOperationState.CANCELLING)

    await fail_operation(data.context, operation.id, REASON)

    assert (await data.read(operation)).state is DataOperationState.CANCELLED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_ended_or_deleted_operation_is_left_alone(data: Data) -> None:
    operation = await data.queue()
    await DataOperation.filter(id=operation.id).update(state=DataOperationState.SUCCEEDED)

    await fail_operation(data.context, operation.id, REASON)
    await fail_operation(data.context, operation.id + 1, REASON)

    assert (await data.read(operation)).state is DataOperationState.SUCCEEDED
