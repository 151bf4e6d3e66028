"""Who comes alone leaves at once, who comes meanwhile leaves together, and everybody hears how it went."""

import asyncio

import pytest

from core.concurrency.batcher import Batcher


class Road:
    """A way that is open or closed, and that notes who went together."""

    def __init__(self) -> None:
        self.went: list[list[int]] = []
        self.entered, self.open = asyncio.Event(), asyncio.Event()

    async def go(self, batch: list[int]) -> None:
        self.went.append(batch)
        self.entered.set()
        await self.open.wait()
        if 13 in batch:
            raise ConnectionError("thirteen")


async def test_what_comes_meanwhile_leaves_together_and_in_order() -> None:
    road = Road()
    convoy = Batcher(road.go)

    first = asyncio.create_task(convoy.submit([1]))
    await road.entered.wait()
    others = [asyncio.create_task(convoy.submit([number])) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    road.open.set()
    await asyncio.gather(first, *others)

    assert road.went == [[1], [2, 3, 4]]


async def test_nobody_returns_before_they_have_left() -> None:
    road = Road()
    joining = asyncio.create_task(Batcher(road.go).submit([1]))
    await road.entered.wait()

    assert not joining.done()

    road.open.set()
    await joining


async def test_all_who_went_together_hear_what_went_wrong_and_the_next_go_on() -> None:
    road = Road()
    road.open.set()
    convoy = Batcher(road.go)

    told = await asyncio.gather(convoy.submit([12]), convoy.submit([13]), return_exceptions=True)
    await convoy.submit([14])

    assert [type(each) for each in told] == [ConnectionError, ConnectionError]
    assert road.went == [[12, 13], [14]]


async def test_who_is_cancelled_holds_nobody_up_and_leaves_nothing_behind() -> None:
    road = Road()
    convoy = Batcher(road.go)
    first, second = (asyncio.create_task(convoy.submit([number])) for number in (1, 2))
    await asyncio.sleep(0)

    first.cancel()
    road.open.set()
    await second

    assert road.went == [[1, 2]]
    with pytest.raises(asyncio.CancelledError):
        await first
