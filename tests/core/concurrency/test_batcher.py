"""The batcher flushes a lone item at once, batches concurrent items, and raises errors to their callers."""

import asyncio

import pytest

from core.concurrency.batcher import Batcher


class BlockingSink:
    """A sink that blocks until it is opened, and records the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.open = asyncio.Event(), asyncio.Event()

    async def flush(self, batch: list[int]) -> None:
        self.batches.append(batch)
        self.entered.set()
        await self.open.wait()
        if 13 in batch:
            raise ConnectionError("thirteen")


async def test_items_during_a_flush_form_one_ordered_batch() -> None:
    sink = BlockingSink()
    batcher = Batcher(sink.flush)

    first = asyncio.create_task(batcher.submit([1]))
    await sink.entered.wait()
    others = [asyncio.create_task(batcher.submit([number])) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    sink.open.set()
    await asyncio.gather(first, *others)

    assert sink.batches == [[1], [2, 3, 4]]


async def test_submit_returns_after_the_flush() -> None:
    sink = BlockingSink()
    submitting = asyncio.create_task(Batcher(sink.flush).submit([1]))
    await sink.entered.wait()

    assert not submitting.done()

    sink.open.set()
    await submitting


async def test_error_reaches_its_batch_only() -> None:
    sink = BlockingSink()
    sink.open.set()
    batcher = Batcher(sink.flush)

    errors = await asyncio.gather(batcher.submit([12]), batcher.submit([13]), return_exceptions=True)
    await batcher.submit([14])

    assert [type(each) for each in errors] == [ConnectionError, ConnectionError]
    assert sink.batches == [[12, 13], [14]]


async def test_cancelled_caller_does_not_lose_its_items() -> None:
    sink = BlockingSink()
    batcher = Batcher(sink.flush)
    first, second = (asyncio.create_task(batcher.submit([number])) for number in (1, 2))
    await asyncio.sleep(0)

    first.cancel()
    sink.open.set()
    await second

    assert sink.batches == [[1, 2]]
    with pytest.raises(asyncio.CancelledError):
        await first
