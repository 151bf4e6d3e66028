"""Loaders: each key once, all keys of one turn by one call."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers.loaders.dataloader import Loader


class Source:
    """Something that is read by keys, and keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def read(self, keys: Sequence[int]) -> list[str | None]:
        """Return a value for each key but 7."""
        self.calls.append(list(keys))
        await asyncio.sleep(0)
        return [None if key == 7 else f"value {key}" for key in keys]


async def test_all_who_ask_in_one_turn_are_one_call() -> None:
    source = Source()
    loader = Loader(source.read)

    found = await asyncio.gather(loader.many([1, 2, 1]), loader.load(3), loader.load(2), loader.load(7))

    assert found == [["value 1", "value 2", "value 1"], "value 3", "value 2", None]
    assert source.calls == [[1, 2, 3, 7]]


async def test_what_was_read_is_kept_and_what_is_being_read_is_waited_for() -> None:
    source = Source()
    loader = Loader(source.read)
    first = asyncio.ensure_future(loader.many([1, 2]))
    while not source.calls:  # noqa: ASYNC110 - the call begins in one of the next turns
        await asyncio.sleep(0)

    assert await loader.many([2, 3]) == ["value 2", "value 3"]
    assert await first == ["value 1", "value 2"]
    assert await loader.load(1) == "value 1"
    assert source.calls == [[1, 2], [3]]


async def test_nothing_is_asked_for_nothing() -> None:
    source = Source()

    assert await Loader(source.read).many([]) == []
    assert source.calls == []


async def test_a_call_that_fails_fails_all_who_wait_and_is_tried_again() -> None:
    failing = [True]

    async def read(keys: Sequence[int]) -> list[int]:
        if failing.pop():
            raise LookupError("lost")
        return list(keys)

    loader = Loader(read)
    found = await asyncio.gather(loader.load(1), loader.many([2]), return_exceptions=True)
    assert [type(each) for each in found] == [LookupError, LookupError]

    failing.append(False)
    assert await loader.load(1) == 1


async def test_one_who_gives_up_takes_nobody_along() -> None:
    source = Source()
    loader = Loader(source.read)
    gone, stays = asyncio.ensure_future(loader.load(1)), asyncio.ensure_future(loader.load(2))
    await asyncio.sleep(0)
    gone.cancel()

    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await stays == "value 2"
