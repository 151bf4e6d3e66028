"""Questions of one moment are one reading, and those of the next another."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from core.concurrency.coalescing import Together


async def test_a_thousand_who_ask_at_once_cost_one_reading() -> None:
    readings: list[set[int]] = []

    async def read(keys: Collection[int]) -> Mapping[int, str]:
        readings.append(set(keys))
        return {key: f"value {key}" for key in keys if key != 7}

    together = Together(read)
    answers = await asyncio.gather(*(together.ask(number % 10) for number in range(1000)))

    assert readings == [set(range(10))]
    assert answers[3] == "value 3"
    assert answers[7] is None


async def test_who_asks_while_one_reads_is_read_for_anew() -> None:
    values, gate, begun = {"k": "old"}, asyncio.Event(), asyncio.Event()

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        found = dict(values)
        begun.set()
        await gate.wait()
        return found

    together = Together(read)
    first = asyncio.ensure_future(together.ask("k"))
    await begun.wait()
    values["k"] = "new"
    second = asyncio.ensure_future(together.ask("k"))
    await asyncio.sleep(0)
    gate.set()

    assert await asyncio.gather(first, second) == ["old", "new"]


async def test_a_failure_is_everybodys_who_asked_and_nobodys_after() -> None:
    failing = [True]

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        if failing.pop():
            raise LookupError("lost")
        return {}

    together = Together(read)
    answers = await asyncio.gather(*(together.ask("k") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, LookupError) for answer in answers)

    failing.append(False)
    assert await together.ask("k") is None


async def test_one_who_gives_up_takes_nobody_along() -> None:
    gate = asyncio.Event()

    async def read(keys: Collection[str]) -> Mapping[str, str]:
        await gate.wait()
        return dict.fromkeys(keys, "v")

    together = Together(read)
    gone, stays = (asyncio.ensure_future(together.ask("k")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    gate.set()

    assert await stays == "v"
