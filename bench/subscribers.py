"""A thousand subscribers of one session on one process: from a change to the last delivery, and memory for each.

Run `python -m bench.subscribers [--subscribers 1000] [--changes 10] [--people 1 10 1000]`. They are a thousand
connections of one person, ten people over twenty websockets (as many as the limits of one socket and one person
allow), and a thousand people with a connection each; one after the other in one run. The rights of every subscriber
are read again for each delivery.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import psutil
from websockets.asyncio.client import ClientConnection, connect

from bench.environment import crowded, furnished, server
from carrel.services import Kernel, open_kernel
from core.settings import Settings
from models.sessions.sessions import Session
from schema.graphql.node import encode

PER_SOCKET = 50
QUERY = "subscription($id: ID!) { sessionUpdated(id: $id) { state expiresAt } }"
PATIENCE_SECONDS = 60.0
AT_ONCE = 50
"""How many sockets are opened at a time."""


@dataclass
class Crowd:
    """All subscribers, and when each last heard something."""

    size: int
    heard: list[float] = field(default_factory=list)
    everybody: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self, socket: ClientConnection, token: str, session: str, count: int) -> None:
        """Subscribe `count` times over one socket."""
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await socket.recv()
        for number in range(count):
            payload = {"query": QUERY, "variables": {"id": session}}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))

    async def listen(self, socket: ClientConnection) -> None:
        """Note every event that comes over the socket, for ever."""
        async for message in socket:
            if '"ping"' in str(message):
                await socket.send('{"type":"pong"}')
                continue
            if '"next"' not in str(message) or '"errors"' in str(message):
                raise SystemExit(f"Not an event: {message!r}")
            self.heard.append(time.perf_counter())
            if len(self.heard) == self.size:
                self.everybody.set()

    async def all_have_heard(self) -> None:
        """Wait until each subscriber heard once since `heard` was emptied."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.everybody.wait()
        self.everybody.clear()


@dataclass(frozen=True)
class Sitting:
    """Who subscribes: how many people, over how many sockets."""

    people: int
    sockets: int
    size: int

    @classmethod
    def of(cls, people: int, size: int) -> "Sitting":
        """Give each of some people full sockets, and one person, or each of many, a socket for every stream."""
        return cls(people, size if people in (1, size) else -(-size // PER_SOCKET), size)

    def __str__(self) -> str:
        return f"{self.size} subscribers, {self.people} people, {self.sockets} sockets"


async def _run(settings: Settings, tokens: Sequence[str], port: int, pid: int, sitting: Sitting, changes: int) -> None:
    crowd, process = Crowd(sitting.size), psutil.Process(pid)
    async with open_kernel(settings) as kernel, AsyncExitStack() as stack:
        session = await Session.all().order_by("id").first()
        assert session is not None
        before = process.memory_info().rss
        listening = await _seated(stack, crowd, tokens, port, sitting, encode("Session", session.id))
        await crowd.all_have_heard()
        grown = process.memory_info().rss - before
        print(f"{sitting}: memory of the server for each {grown / sitting.size / 1024:.1f} KiB")
        await _change(kernel, session, crowd, process, changes)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _seated(
    stack: AsyncExitStack, crowd: Crowd, tokens: Sequence[str], port: int, sitting: Sitting, session: str
) -> list["asyncio.Task[None]"]:
    gate, listening = asyncio.Semaphore(AT_ONCE), []

    async def sit(number: int) -> None:
        async with gate:
            socket = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"], proxy=None)  # type: ignore[list-item]
            )
            await crowd.join(socket, tokens[number % sitting.people], session, sitting.size // sitting.sockets)
        listening.append(asyncio.create_task(crowd.listen(socket)))

    await asyncio.gather(*map(sit, range(sitting.sockets)))
    return listening


async def _change(kernel: Kernel, session: Session, crowd: Crowd, process: psutil.Process, changes: int) -> None:
    lasts, all_delays, cpu = [], [], []
    for number in range(changes):
        crowd.heard.clear()
        moment = session.expires_at + timedelta(seconds=number + 1)
        await Session.filter(id=session.id).update(expires_at=moment)
        spent, began = sum(process.cpu_times()[:2]), time.perf_counter()
        await kernel.bus.publish([session.topic])
        await crowd.all_have_heard()
        delays = sorted(heard - began for heard in crowd.heard)
        lasts.append(delays[-1])
        all_delays += delays
        cpu.append(sum(process.cpu_times()[:2]) - spent)
    all_delays.sort()
    print(
        f"  change to delivery: median {statistics.median(all_delays) * 1000:.0f} ms, "
        f"p95 {all_delays[int(len(all_delays) * 0.95)] * 1000:.0f} ms"
    )
    print(
        f"  change to the last of {crowd.size}: median {statistics.median(lasts) * 1000:.0f} ms, "
        f"p95 {sorted(lasts)[int(len(lasts) * 0.95)] * 1000:.0f} ms, over {changes} changes; "
        f"CPU of the server for each delivery {statistics.median(cpu) * 1e6 / crowd.size:.0f} us"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 1000])
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with furnished() as (settings, _):
        tokens = asyncio.run(crowded(settings, max(given.people)))
        for people in given.people:
            with server("ours", settings, streams_per_caller=given.subscribers) as (port, pid):
                sitting = Sitting.of(people, given.subscribers)
                asyncio.run(_run(settings, tokens, port, pid, sitting, given.changes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
