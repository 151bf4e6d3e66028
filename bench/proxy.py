"""Measures the proxy: processor time of its process per operation, compared with the gates of the design.

Run `python -m bench.proxy [--rounds 4] [--seconds 5]`. Every round runs all measurements in a rotated order;
each figure is the median of the rounds. The exit code is 1 if a gate is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from proxy.config import ProxyOptions
from proxy.server import create_server, run
from tests.proxy.session_directory import LABEL, FakeSession, InMemoryDirectory

DOMAIN = "sessions.test"
HOST = f"{LABEL}.{DOMAIN}"
COOKIE = f"carrel-entry={LABEL}:owner"
SMALL = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
GIB = 1 << 30
PIECE = b"\0" * (256 * 1024)
MESSAGE = b"\x82\x84\0\0\0\0ping"
GATES = {
    "GET, us": 40.0,
    "websocket round trip, us": 15.0,
    "download, ms/GiB": 500.0,
    "upload, ms/GiB": 500.0,
    "idle tunnel, KiB": 5.0,
}


class Origin(asyncio.Protocol):
    """A fake container: small responses, one GiB down, one GiB up, an echo after an upgrade."""

    def __init__(self) -> None:
        self.handle: Callable[[bytes], None] = self.head
        self.upload_left = 0
        self.can_write = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Handle bytes by the state of the exchange."""
        self.handle(data)

    def head(self, data: bytes) -> None:
        """Respond to a request's head."""
        if data.startswith(b"GET /small"):
            self.transport.write(SMALL)
        elif data.startswith(b"GET /big"):
            self.task = asyncio.ensure_future(self.send())
        elif data.startswith(b"POST"):
            self.upload_left = GIB - len(data.partition(b"\r\n\r\n")[2])
            self.handle = self.sink
        else:
            self.transport.write(SWITCH)
            self.handle = self.transport.write

    def sink(self, data: bytes) -> None:
        """Count an upload."""
        self.upload_left -= len(data)
        if self.upload_left <= 0:
            self.handle = self.head
            self.transport.write(SMALL)

    async def send(self) -> None:
        """Send one GiB."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        self.can_write.set()
        for _ in range(GIB // len(PIECE)):
            await self.can_write.wait()
            self.transport.write(PIECE)

    def pause_writing(self) -> None:
        """Pause the download."""
        self.can_write.clear()

    def resume_writing(self) -> None:
        """Resume the download."""
        self.can_write.set()


def listen() -> socket.socket:
    """Return a socket on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


async def serve_origin() -> None:
    """Run the fake container and print its port."""
    server = await asyncio.get_running_loop().create_server(Origin, sock=listen())
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def serve_proxy(port: int) -> None:
    """Run the proxy and print its port."""
    listener = listen()
    many = 1 << 20
    options = ProxyOptions(
        "http://platform.test", "http", DOMAIN, 80, tunnels_per_session=many, connections_per_address=many
    )
    directory = InMemoryDirectory()
    directory.sessions[LABEL] = FakeSession(http=("127.0.0.1", port))
    server = create_server(directory, options, host="127.0.0.1", port=0)
    serving = asyncio.create_task(run(server, [listener]))
    await server.ready.wait()
    print(listener.getsockname()[1], flush=True)
    await serving


@contextmanager
def child(*arguments: str) -> Iterator[tuple[int, int]]:
    """Run a role of this module in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "bench.proxy", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


@dataclass
class Bench:
    """The proxy under measurement, and the seconds that a measurement takes."""

    proxy: int
    port: int
    seconds: float

    def used(self, *, kernel: bool = True) -> float:
        """Return the proxy's processor seconds so far, with or without those in the kernel."""
        fields = Path(f"/proc/{self.proxy}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12]) * kernel) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Return the proxy's resident memory in bytes."""
        return int(Path(f"/proc/{self.proxy}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def connect(self, head: str) -> socket.socket:
        """Open a connection and send a request's head."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(f"{head}\r\nHost: {HOST}\r\nCookie: {COOKIE}\r\n".encode())
        return connection

    def upgrade(self) -> socket.socket:
        """Open a websocket."""
        connection = self.connect("GET /echo HTTP/1.1")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = f"Origin: http://{HOST}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        connection.sendall(f"Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        return connection

    def gets(self) -> float:
        """Return microseconds per small GET, with wrk at 32 connections."""
        before = self.used()
        command = ["wrk", "-t1", "-c32", f"-d{self.seconds:.0f}s", "-H", f"Host: {HOST}", "-H", f"Cookie: {COOKIE}"]
        out = subprocess.run(
            [*command, f"http://127.0.0.1:{self.port}/small"], capture_output=True, text=True, check=True
        )
        assert "Non-2xx" not in out.stdout, out.stdout
        done = next(int(line.split()[0]) for line in out.stdout.splitlines() if "requests in" in line)
        print(f"  GET: {done / self.seconds:,.0f}/s")
        return (self.used() - before) / done * 1e6

    def round_trips(self) -> float:
        """Return microseconds per websocket round trip, 32 sockets at once."""
        connections = [self.upgrade() for _ in range(32)]
        before, done, end = self.used(), 0, time.monotonic() + self.seconds
        while time.monotonic() < end:
            for connection in connections:
                connection.sendall(MESSAGE)
            for connection in connections:
                got = 0
                while got < len(MESSAGE):
                    got += len(connection.recv(65536))
            done += len(connections)
        used = self.used() - before
        for connection in connections:
            connection.close()
        print(f"  websocket: {done / self.seconds:,.0f} round trips/s")
        return used / done * 1e6

    def download(self) -> float:
        """Return milliseconds per GiB from the container."""
        before, own, start = self.used(), self.used(kernel=False), time.monotonic()
        connection = self.connect("GET /big HTTP/1.1")
        connection.sendall(b"\r\n")
        left, buffer = GIB, bytearray(1 << 20)
        while left > 0:
            left -= connection.recv_into(buffer)
        connection.close()
        own = (self.used(kernel=False) - own) * 1e3
        print(f"  download: {1024 / (time.monotonic() - start):,.0f} MiB/s, {own:.0f} ms outside the kernel")
        return (self.used() - before) * 1e3

    def upload(self) -> float:
        """Return milliseconds per GiB to the container."""
        before, own, start = self.used(), self.used(kernel=False), time.monotonic()
        connection = self.connect("POST /up HTTP/1.1")
        connection.sendall(b"Content-Length: %d\r\n\r\n" % GIB)
        for _ in range(GIB // len(PIECE)):
            connection.sendall(PIECE)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()
        own = (self.used(kernel=False) - own) * 1e3
        print(f"  upload: {1024 / (time.monotonic() - start):,.0f} MiB/s, {own:.0f} ms outside the kernel")
        return (self.used() - before) * 1e3

    def idle(self) -> float:
        """Return KiB of memory per idle tunnel, over 2,000 of them."""
        for connection in [self.upgrade() for _ in range(200)]:
            connection.close()
        before = self.memory()
        connections = [self.upgrade() for _ in range(2000)]
        grown = self.memory() - before
        for connection in connections:
            connection.close()
        return grown / 2000 / 1024


def measure(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Run every measurement once per round, in a rotated order; idle memory once, in a fresh process."""
    found: dict[str, list[float]] = {name: [] for name in GATES}
    with child("origin") as (_, origin_port):
        with child("proxy", str(origin_port)) as (proxy, port):
            found["idle tunnel, KiB"].append(Bench(proxy, port, seconds).idle())
        with child("proxy", str(origin_port)) as (proxy, port):
            bench = Bench(proxy, port, seconds)
            jobs: list[tuple[str, Callable[[], float]]] = list(
                zip(GATES, (bench.gets, bench.round_trips, bench.download, bench.upload), strict=False)
            )
            for number in range(rounds):
                for name, job in jobs[number % len(jobs) :] + jobs[: number % len(jobs)]:
                    found[name].append(job())
    return found


def main() -> int:
    """Measure and compare with the gates."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("This needs wrk; install it from the distribution's packages.", file=sys.stderr)
        return 2
    missed = 0
    for name, figures in measure(arguments.rounds, arguments.seconds).items():
        figure = statistics.median(figures)
        missed += figure > GATES[name]
        spread = f"{min(figures):.1f}-{max(figures):.1f}"
        print(
            f"{name:26} {figure:8.1f} ({spread}), gate {GATES[name]:.0f}: {'ok' if figure <= GATES[name] else 'MISSED'}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["origin"]:
        uvloop.run(serve_origin())
    elif sys.argv[1:2] == ["proxy"]:
        uvloop.run(serve_proxy(int(sys.argv[2])))
    else:
        sys.exit(main())
