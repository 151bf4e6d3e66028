"""Loads of one event-loop iteration are one read; later loads are another."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from core.concurrency.batch_loader import BatchLoader


async def test_thousand_concurrent_loads_are_one_read() -> None:
    readings: list[set[int]] = []

    async def read(keys: Collection[int]) -> Mapping[int, str]:
        readings.append(set(keys))
        return {key: f"value {key}" for key in keys if key != 7}

    loader = BatchLoader(read)
    results = await asyncio.gather(*(loader.load(number % 10) for number in range(1000)))

    assert readings == [set(range(10))]
    assert results[3] == "value 3"
    assert results[7] is None


async def test_load_during_a_read_starts_another() -> None:
    values, gate, begun = {"k": "old"}, asyncio.Event(), asyncio.Event()

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        found = dict(values)
        begun.set()
        await gate.wait()
        return found

    loader = BatchLoader(read)
    first = asyncio.ensure_future(loader.load("k"))
    await begun.wait()
    values["k"] = "new"
    second = asyncio.ensure_future(loader.load("k"))
    await asyncio.sleep(0)
    gate.set()

    assert await asyncio.gather(first, second) == ["old", "new"]


async def test_error_reaches_the_batch_and_no_later_load() -> None:
    failing = [True]

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        if failing.pop():
            raise LookupError("lost")
        return {}

    loader = BatchLoader(read)
    results = await asyncio.gather(*(loader.load("k") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, LookupError) for answer in results)

    failing.append(False)
    assert await loader.load("k") is None


async def test_cancelled_caller_does_not_cancel_others() -> None:
    gate = asyncio.Event()

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        await gate.wait()
        return dict.fromkeys(keys, "v")

    loader = BatchLoader(read)
    gone, stays = (asyncio.ensure_future(loader.load("k")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    gate.set()

    assert await stays == "v"
