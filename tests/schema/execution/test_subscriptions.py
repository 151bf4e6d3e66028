"""Streams that start with the current state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from core.errors import Unauthenticated
from models.permissions.principal import Principal
from schema.context import GraphQLContext
from schema.execution.subscriptions import snapshot_then_updates
from tests.schema.sample_library import OUTSIDER, READER

ANONYMOUS = GraphQLContext()


class FakeBus:
    """A local bus that counts its listeners."""

    def __init__(self) -> None:
        self.listeners = 0
        self._notified = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator["FakeBus"]:
        self.listeners += 1
        try:
            yield self
        finally:
            self.listeners -= 1

    async def wait(self) -> None:
        await self._notified.wait()
        self._notified.clear()

    def notify(self) -> None:
        self._notified.set()


class Row:
    """A row that counts its reads."""

    def __init__(self, *states: str | None) -> None:
        self.state: str | None = states[0]
        self.reads = 0

    async def read(self) -> str | None:
        self.reads += 1
        return self.state


async def test_current_state_is_first_and_final_ends() -> None:
    row, bus = Row("stopped"), FakeBus()

    seen = [
        each
        async for each in snapshot_then_updates(ANONYMOUS, bus, ["row:1"], row.read, is_final=lambda s: s == "stopped")
    ]

    assert seen == ["stopped"]
    assert bus.listeners == 0


async def test_each_change_is_sent_once() -> None:
    row, bus = Row("queued"), FakeBus()
    async with aclosing(snapshot_then_updates(ANONYMOUS, bus, ["row:1"], row.read)) as stream, asyncio.timeout(5):  # type: ignore
        assert await anext(stream) == "queued"
        bus.notify()
        asyncio.get_running_loop().call_later(0.1, setattr, row, "state", "running")
        asyncio.get_running_loop().call_later(0.11, bus.notify)
        assert await anext(stream) == "running"

    assert bus.listeners == 0


async def test_burst_of_notifications_causes_one_read() -> None:
    row, bus = Row("queued"), FakeBus()
    async with aclosing(snapshot_then_updates(ANONYMOUS, bus, ["row:1"], row.read)) as stream, asyncio.timeout(5):  # type: ignore
        await anext(stream)
        row.state = "running"
        for _ in range(100):
            bus.notify()
        await anext(stream)

    assert row.reads == 2


async def test_object_no_longer_visible_ends_stream() -> None:
    row, bus = Row("running"), FakeBus()
    stream = snapshot_then_updates(ANONYMOUS, bus, ["row:1"], row.read)
    await anext(stream)

    row.state = None
    bus.notify()

    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_lost_notification_is_recovered() -> None:
    row, bus = Row("queued"), FakeBus()
    stream = snapshot_then_updates(ANONYMOUS, bus, ["row:1"], row.read, reread_seconds=0.05)
    await anext(stream)

    row.state = "running"

    async with asyncio.timeout(5):
        assert await anext(stream) == "running"


async def test_version_decides_what_is_a_change() -> None:
    row, bus = Row("a1"), FakeBus()
    stream = snapshot_then_updates(
        ANONYMOUS, bus, ["row:1"], row.read, version=lambda state: state[0], is_final=lambda s: s == "b"
    )
    assert await anext(stream) == "a1"
    row.state = "a2"
    bus.notify()
    asyncio.get_running_loop().call_later(0.1, setattr, row, "state", "b")
    asyncio.get_running_loop().call_later(0.11, bus.notify)

    assert [each async for each in stream] == ["b"]


async def test_stream_without_topics_is_an_error() -> None:
    with pytest.raises(ValueError, match="topic"):
        await anext(snapshot_then_updates(ANONYMOUS, FakeBus(), [], Row("x").read))


async def test_permissions_are_reloaded_before_each_read() -> None:
    rights = iter([OUTSIDER, READER])

    async def reload(_principal: Principal) -> Principal:
        return next(rights)

    row, bus, context, seen = Row("a"), FakeBus(), GraphQLContext(principal=READER, reload_principal=reload), []
    stream = snapshot_then_updates(context, bus, ["row:1"], row.read, is_final=lambda state: state == "c")
    for state in ("a", "b", "c"):
        row.state = state
        bus.notify()
        seen.append((await anext(stream), context.principal))

    assert seen == [("a", READER), ("b", OUTSIDER), ("c", READER)]


async def test_revoked_credential_ends_stream_with_error() -> None:
    async def reload(_principal: Principal) -> Principal:
        raise Unauthenticated

    row, bus = Row("a"), FakeBus()
    stream = snapshot_then_updates(GraphQLContext(principal=READER, reload_principal=reload), bus, ["row:1"], row.read)
    await anext(stream)
    bus.notify()

    with pytest.raises(Unauthenticated):
        await anext(stream)
