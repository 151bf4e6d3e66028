"""Streams that begin with the present state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from core.errors import Unauthenticated
from models.permissions.principal import Principal
from schema.execution.context import Context
from schema.execution.subscriptions import present_then_events
from tests.schema.execution.sample_library import NOBODY, READER

ANYBODY = Context()


class Bell:
    """An in-process bus that counts its listeners."""

    def __init__(self) -> None:
        self.listeners = 0
        self._rung = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator["Bell"]:
        self.listeners += 1
        try:
            yield self
        finally:
            self.listeners -= 1

    async def wait(self) -> None:
        await self._rung.wait()
        self._rung.clear()

    def ring(self) -> None:
        self._rung.set()


class Row:
    """A row that is read again and again."""

    def __init__(self, *states: str | None) -> None:
        self.state: str | None = states[0]
        self.reads = 0

    async def read(self) -> str | None:
        self.reads += 1
        return self.state


async def test_the_present_state_comes_first_and_a_last_state_ends() -> None:
    row, bell = Row("stopped"), Bell()

    seen = [
        each async for each in present_then_events(ANYBODY, bell, ["row:1"], row.read, ended=lambda s: s == "stopped")
    ]

    assert seen == ["stopped"]
    assert bell.listeners == 0


async def test_each_change_comes_once_and_what_did_not_change_does_not() -> None:
    row, bell = Row("queued"), Bell()
    async with aclosing(present_then_events(ANYBODY, bell, ["row:1"], row.read)) as stream, asyncio.timeout(5):  # type: ignore
        assert await anext(stream) == "queued"
        bell.ring()
        asyncio.get_running_loop().call_later(0.1, setattr, row, "state", "running")
        asyncio.get_running_loop().call_later(0.11, bell.ring)
        assert await anext(stream) == "running"

    assert bell.listeners == 0


async def test_a_burst_of_hints_is_one_read() -> None:
    row, bell = Row("queued"), Bell()
    async with aclosing(present_then_events(ANYBODY, bell, ["row:1"], row.read)) as stream, asyncio.timeout(5):  # type: ignore
        await anext(stream)
        row.state = "running"
        for _ in range(100):
            bell.ring()
        await anext(stream)

    assert row.reads == 2


async def test_what_may_no_longer_be_seen_ends_the_stream() -> None:
    row, bell = Row("running"), Bell()
    stream = present_then_events(ANYBODY, bell, ["row:1"], row.read)
    await anext(stream)

    row.state = None
    bell.ring()

    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_lost_hint_is_made_good() -> None:
    row, bell = Row("queued"), Bell()
    stream = present_then_events(ANYBODY, bell, ["row:1"], row.read, reread_seconds=0.05)
    await anext(stream)

    row.state = "running"

    async with asyncio.timeout(5):
        assert await anext(stream) == "running"


async def test_versions_decide_what_is_a_change() -> None:
    row, bell = Row("a1"), Bell()
    stream = present_then_events(
        ANYBODY, bell, ["row:1"], row.read, version=lambda state: state[0], ended=lambda s: s == "b"
    )
    assert await anext(stream) == "a1"
    row.state = "a2"
    bell.ring()
    asyncio.get_running_loop().call_later(0.1, setattr, row, "state", "b")
    asyncio.get_running_loop().call_later(0.11, bell.ring)

    assert [each async for each in stream] == ["b"]


async def test_a_stream_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="topic"):
        await anext(present_then_events(ANYBODY, Bell(), [], Row("x").read))


async def test_each_read_has_the_rights_of_its_moment() -> None:
    rights = iter([NOBODY, READER])

    async def renew(_principal: Principal) -> Principal:
        return next(rights)

    row, bell, context, seen = Row("a"), Bell(), Context(principal=READER, renew=renew), []
    stream = present_then_events(context, bell, ["row:1"], row.read, ended=lambda state: state == "c")
    for state in ("a", "b", "c"):
        row.state = state
        bell.ring()
        seen.append((await anext(stream), context.principal))

    assert seen == [("a", READER), ("b", NOBODY), ("c", READER)]


async def test_a_credential_that_ended_ends_the_stream_with_the_reason() -> None:
    async def renew(_principal: Principal) -> Principal:
        raise Unauthenticated

    row, bell = Row("a"), Bell()
    stream = present_then_events(Context(principal=READER, renew=renew), bell, ["row:1"], row.read)
    await anext(stream)
    bell.ring()

    with pytest.raises(Unauthenticated):
        await anext(stream)
