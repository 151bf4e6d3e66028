"""Readiness checks against sockets with good, bad, late and no responses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from core.engine.protocol import Address
from jobs.sessions.launch import RESPONSE_SECONDS, is_ready


@asynccontextmanager
async def serving(reply: bytes | None) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """Answer every connection with `reply` and close it; None means no answer."""
    heads: list[bytes] = []
    answering: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            if reply is None:
                await reader.read()
            else:
                writer.write(reply)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()[:2]), heads
    await asyncio.gather(*answering)


@pytest.mark.parametrize(
    ("reply", "ready"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 302 Found\r\n\r\n", True),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", True),
        (b"HTTP/1.1 401\r\n\r\n", True),
        (b"HTTP/1.1 500 No\r\n\r\n", False),
        (b"HTTP/1.1 503 Later\r\n\r\n", False),
        (b"SSH-2.0-OpenSSH\r\n", False),
        (b"HTTP/1.1 many\r\n", False),
        (b"\r\n", False),
        (b"", False),
        (b"x" * 100_000, False),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_status_below_500_is_ready(reply: bytes, ready: bool) -> None:
    async with serving(reply) as (address, _):
        assert await is_ready(address, "", "sx.sessions.localhost") is ready


async def test_request_uses_initial_path_and_session_host() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (address, heads):
        await is_ready(address, "lab/tree?a=b", "sx.sessions.localhost:8081")

    assert heads[0].startswith(b"GET /lab/tree?a=b HTTP/1.1\r\nHost: sx.sessions.localhost:8081\r\n")


async def test_slow_service_is_not_ready() -> None:
    loop = asyncio.get_running_loop()
    async with serving(None) as (address, _):
        started = loop.time()
        assert not await is_ready(address, "", "host")

    assert loop.time() - started < RESPONSE_SECONDS + 1


async def test_closed_port_is_not_ready() -> None:
    async with serving(b"") as (address, _):
        pass

    assert not await is_ready(address, "", "host")
