"""Data loaders: each key is read once, concurrent loads in one read."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.loaders.dataloader import DataLoader


class Source:
    """A source of values by key that records its calls."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def read(self, keys: Sequence[int]) -> list[str | None]:
        """Return a value for each key but 7."""
        self.calls.append(list(keys))
        await asyncio.sleep(0)
        return [None if key == 7 else f"value {key}" for key in keys]


async def test_concurrent_loads_are_one_read() -> None:
    source = Source()
    loader = DataLoader(source.read)

    found = await asyncio.gather(loader.load_many([1, 2, 1]), loader.load(3), loader.load(2), loader.load(7))

    assert found == [["value 1", "value 2", "value 1"], "value 3", "value 2", None]
    assert source.calls == [[1, 2, 3, 7]]


async def test_cached_and_pending_keys_are_not_read_again() -> None:
    source = Source()
    loader = DataLoader(source.read)
    first = asyncio.ensure_future(loader.load_many([1, 2]))
    while not source.calls:  # noqa: ASYNC110 - the read begins in a later iteration
        await asyncio.sleep(0)

    assert await loader.load_many([2, 3]) == ["value 2", "value 3"]
    assert await first == ["value 1", "value 2"]
    assert await loader.load(1) == "value 1"
    assert source.calls == [[1, 2], [3]]


async def test_no_keys_read_nothing() -> None:
    source = Source()

    assert await DataLoader(source.read).load_many([]) == []
    assert source.calls == []


async def test_failed_read_fails_its_callers_and_is_retried() -> None:
    failing = [True]

    async def read(keys: Sequence[int]) -> list[int]:
        if failing.pop():
            raise LookupError("lost")
        return list(keys)

    loader = DataLoader(read)
    found = await asyncio.gather(loader.load(1), loader.load_many([2]), return_exceptions=True)
    assert [type(each) for each in found] == [LookupError, LookupError]

    failing.append(False)
    assert await loader.load(1) == 1


async def test_cancelled_caller_does_not_cancel_others() -> None:
    source = Source()
    loader = DataLoader(source.read)
    cancelled, other = asyncio.ensure_future(loader.load(1)), asyncio.ensure_future(loader.load(2))
    await asyncio.sleep(0)
    cancelled.cancel()

    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await other == "value 2"
