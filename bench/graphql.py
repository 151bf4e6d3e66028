"""Measures queries: Carrel beside a plain tuned Strawberry app, in CPU time of the server, in turn.

Run `python -m bench.graphql [--rounds 8] [--requests 150]`. The nested query reads a hundred rows with two relations,
1,100 values; the small one reads the caller. Carrel authenticates, checks permissions, charges and pages; the plain
app does none of that. Carrel tunes its garbage collector as `carrel serve` does; "tuned" is the plain app with that
tuning only. Ratios are plain / carrel, so that more than 1 means that Carrel is faster.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack

import psutil

from bench.environment import server, with_database

NESTED = """{ sessions(first: 100) { nodes {
  id state createdAt expiresAt maximumSeconds image { id state httpPort } creator { id username displayName }
} } }"""
SMALL = "{ viewer { username } }"
CONNECTIONS = 8
KINDS = ("carrel", "plain", "tuned")


async def _load(port: int, token: str, query: str, requests: int) -> None:
    """Send the query so many times over a few kept connections."""
    body = json.dumps({"query": query}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    shares = [requests // CONNECTIONS + (n < requests % CONNECTIONS) for n in range(CONNECTIONS)]
    await asyncio.gather(*(_connection(port, head + body, share) for share in shares))


async def _connection(port: int, request: bytes, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(requests):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200") or b'"errors"' in answer:
            raise SystemExit(f"Not an answer: {answer[:500]!r}")
    writer.close()


def _measure(port: int, pid: int, token: str, query: str, requests: int) -> tuple[float, float]:
    """Return the server's CPU time and the time on the clock, both in ms per request."""
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.perf_counter()
    asyncio.run(_load(port, token, query, requests))
    after, ended = process.cpu_times(), time.perf_counter()
    spent = after.user + after.system - before.user - before.system
    return spent * 1000 / requests, (ended - began) * 1000 / requests


def main() -> int:
    """Measure, and print figures and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--requests", type=int, default=150)
    options = parser.parse_args()
    figures: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with with_database() as (settings, tokens), ExitStack() as stack:
        servers = {kind: stack.enter_context(server(kind, settings)) for kind in KINDS}
        for turn in range(options.rounds + 1):
            for name, query, requests in (("nested", NESTED, options.requests), ("small", SMALL, options.requests * 8)):
                for kind, (port, pid) in servers.items():
                    figure = _measure(port, pid, tokens[0], query, requests)
                    if turn:  # The first round warms up.
                        figures[name, kind].append(figure)
    for name in ("nested", "small"):
        _report(name, {kind: figures[name, kind] for kind in KINDS})
    return 0


def _report(name: str, figures: Mapping[str, list[tuple[float, float]]]) -> None:
    for kind, rounds in figures.items():
        cpu, clock = (statistics.median(column) for column in zip(*rounds, strict=True))
        best = min(cpu for cpu, _ in rounds)
        print(f"{name:7} {kind:7} CPU {cpu:7.3f} ms (best {best:.3f})  clock {clock:7.3f} ms  {1000 / clock:7.0f} /s")
    for kind in KINDS[1:]:
        ratios = [plain[0] / own[0] for own, plain in zip(figures["carrel"], figures[kind], strict=True)]
        print(
            f"{name:7} {kind} / carrel, CPU, round by round: median {statistics.median(ratios):.2f}, "
            f"{min(ratios):.2f} to {max(ratios):.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
