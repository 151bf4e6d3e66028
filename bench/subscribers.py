"""Measures a thousand subscribers of one session on one process: time to the last delivery, and memory of each.

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

from bench.environment import server, with_database, with_users
from carrel.services import ProcessServices, open_services
from core.settings import Settings
from models.sessions.sessions import Session
from schema.graphql.node import encode

PER_SOCKET = 50
QUERY = "subscription($id: ID!) { sessionUpdated(id: $id) { state expiresAt } }"
TIMEOUT_SECONDS = 60.0
MAX_CONCURRENT_CONNECTS = 50
"""Sockets that are opened at a time."""


@dataclass
class SubscriberPool:
    """All subscribers, and the times at which they received events."""

    size: int
    received_at: list[float] = field(default_factory=list)
    all_received: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self, socket: ClientConnection, token: str, session: str, count: int) -> None:
        """Subscribe `count` times over one socket."""
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await socket.recv()
        for number in range(count):
            payload = {"query": QUERY, "variables": {"id": session}}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))

    async def listen(self, socket: ClientConnection) -> None:
        """Record every event of the socket until cancelled."""
        async for message in socket:
            if '"ping"' in str(message):
                await socket.send('{"type":"pong"}')
                continue
            if '"next"' not in str(message) or '"errors"' in str(message):
                raise SystemExit(f"Not an event: {message!r}")
            self.received_at.append(time.perf_counter())
            if len(self.received_at) == self.size:
                self.all_received.set()

    async def wait_for_all(self) -> None:
        """Wait until every subscriber received an event since `received_at` was cleared."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self.all_received.wait()
        self.all_received.clear()


@dataclass(frozen=True)
class Distribution:
    """The number of subscribers, users and sockets."""

    people: int
    sockets: int
    size: int

    @classmethod
    def of(cls, people: int, size: int) -> "Distribution":
        """Use one socket per stream for one user or for many; use full sockets for some users."""
        return cls(people, size if people in (1, size) else -(-size // PER_SOCKET), size)

    def __str__(self) -> str:
        return f"{self.size} subscribers, {self.people} people, {self.sockets} sockets"


async def _run(
    settings: Settings, tokens: Sequence[str], port: int, pid: int, distribution: Distribution, changes: int
) -> None:
    pool, process = SubscriberPool(distribution.size), psutil.Process(pid)
    async with open_services(settings) as services, AsyncExitStack() as stack:
        session = await Session.all().order_by("id").first()
        assert session is not None
        before = process.memory_info().rss
        listening = await _subscribe_all(stack, pool, tokens, port, distribution, encode("Session", session.id))
        await pool.wait_for_all()
        grown = process.memory_info().rss - before
        print(f"{distribution}: memory of the server for each {grown / distribution.size / 1024:.1f} KiB")
        await _change(services, session, pool, process, changes)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _subscribe_all(
    stack: AsyncExitStack,
    pool: SubscriberPool,
    tokens: Sequence[str],
    port: int,
    distribution: Distribution,
    session: str,
) -> list["asyncio.Task[None]"]:
    slots, listening = asyncio.Semaphore(MAX_CONCURRENT_CONNECTS), []

    async def subscribe(number: int) -> None:
        async with slots:
            socket = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"], proxy=None)  # type: ignore[list-item]
            )
            await pool.join(
                socket, tokens[number % distribution.people], session, distribution.size // distribution.sockets
            )
        listening.append(asyncio.create_task(pool.listen(socket)))

    await asyncio.gather(*map(subscribe, range(distribution.sockets)))
    return listening


async def _change(
    services: ProcessServices, session: Session, pool: SubscriberPool, process: psutil.Process, changes: int
) -> None:
    lasts, all_delays, cpu = [], [], []
    for number in range(changes):
        pool.received_at.clear()
        moment = session.expires_at + timedelta(seconds=number + 1)
        await Session.filter(id=session.id).update(expires_at=moment)
        spent, began = sum(process.cpu_times()[:2]), time.perf_counter()
        await services.bus.publish([session.topic])
        await pool.wait_for_all()
        delays = sorted(at - began for at in pool.received_at)
        lasts.append(delays[-1])
        all_delays += delays
        cpu.append(sum(process.cpu_times()[:2]) - spent)
    all_delays.sort()
    print(
        f"  change to delivery: median {statistics.median(all_delays) * 1000:.0f} ms, "
        f"p95 {all_delays[int(len(all_delays) * 0.95)] * 1000:.0f} ms"
    )
    print(
        f"  change to the last of {pool.size}: median {statistics.median(lasts) * 1000:.0f} ms, "
        f"p95 {sorted(lasts)[int(len(lasts) * 0.95)] * 1000:.0f} ms, over {changes} changes; "
        f"CPU of the server for each delivery {statistics.median(cpu) * 1e6 / pool.size:.0f} us"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 1000])
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with with_database() as (settings, _):
        tokens = asyncio.run(with_users(settings, max(options.people)))
        for people in options.people:
            with server("carrel", settings, streams_per_caller=options.subscribers) as (port, pid):
                distribution = Distribution.of(people, options.subscribers)
                asyncio.run(_run(settings, tokens, port, pid, distribution, options.changes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
