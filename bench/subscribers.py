"""A thousand subscribers of one session on one process: from a change to the last delivery, and memory for each.

Run `python -m bench.subscribers [--subscribers 1000] [--changes 10]`. They come from ten people over twenty websockets,
as many as the limits for one socket and one person allow. Each delivery is a row read with its caller's own rights.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import psutil
from websockets.asyncio.client import ClientConnection, connect

from bench.house import furnished, server
from carrel.kernel import open_kernel
from core.settings import Settings
from models.sessions import Session
from schema.core.ids import encode

PER_SOCKET = 50
QUERY = "subscription($id: ID!) { sessionUpdated(id: $id) { state expiresAt } }"
PATIENCE_SECONDS = 60.0


class Crowd:
    """All subscribers, and when each last heard something."""

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.everybody = asyncio.Event()
        self.size = 0

    async def join(self, socket: ClientConnection, token: str, session: str, count: int) -> None:
        """Subscribe `count` times over one socket and listen for ever."""
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await socket.recv()
        for number in range(count):
            payload = {"query": QUERY, "variables": {"id": session}}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
        async for message in socket:
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


async def _run(settings: Settings, tokens: Sequence[str], port: int, pid: int, size: int, changes: int) -> None:
    crowd, process = Crowd(), psutil.Process(pid)
    crowd.size = size
    async with open_kernel(settings) as kernel, AsyncExitStack() as stack:
        session = await Session.all().order_by("id").first()
        assert session is not None
        before = process.memory_info().rss
        listening = []
        for number, start in enumerate(range(0, size, PER_SOCKET)):
            socket = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"], proxy=None)  # type: ignore[list-item]
            )
            count = min(PER_SOCKET, size - start)
            token = tokens[number % len(tokens)]
            listening.append(asyncio.create_task(crowd.join(socket, token, encode("Session", session.id), count)))
        await crowd.all_have_heard()
        grown = process.memory_info().rss - before
        print(f"{size} subscribers, memory of the server for each: {grown / size / 1024:.1f} KiB")
        await _change(kernel, session, crowd, process, changes)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _change(kernel: object, session: Session, crowd: Crowd, process: psutil.Process, changes: int) -> None:
    lasts, all_delays, cpu = [], [], []
    for number in range(changes):
        crowd.heard.clear()
        moment = session.expires_at + timedelta(seconds=number + 1)
        await Session.filter(id=session.id).update(expires_at=moment)
        spent, began = sum(process.cpu_times()[:2]), time.perf_counter()
        await kernel.bus.publish([session.topic])  # type: ignore[attr-defined]
        await crowd.all_have_heard()
        delays = sorted(heard - began for heard in crowd.heard)
        lasts.append(delays[-1])
        all_delays += delays
        cpu.append(sum(process.cpu_times()[:2]) - spent)
    all_delays.sort()
    print(
        f"change to delivery: median {statistics.median(all_delays) * 1000:.0f} ms, "
        f"p95 {all_delays[int(len(all_delays) * 0.95)] * 1000:.0f} ms"
    )
    print(
        f"change to the last of {crowd.size}: median {statistics.median(lasts) * 1000:.0f} ms, "
        f"p95 {sorted(lasts)[int(len(lasts) * 0.95)] * 1000:.0f} ms, over {changes} changes; "
        f"CPU of the server for each delivery {statistics.median(cpu) * 1e6 / crowd.size:.0f} us"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=10)
    given = parser.parse_args()
    with furnished() as (settings, tokens), server("ours", settings) as (port, pid):
        asyncio.run(_run(settings, tokens, port, pid, given.subscribers, given.changes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
