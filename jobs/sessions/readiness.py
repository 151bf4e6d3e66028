"""Checks over HTTP whether the service in a container is ready.

A TCP connection is not enough: the engine accepts on a published port before the service listens.
"""

import asyncio

from core.engine.protocol import Address

RESPONSE_SECONDS = 2.0
MAX_HEAD_BYTES = 64 * 1024


async def is_ready(address: Address, path: str, host: str) -> bool:
    """Return whether a GET of `path` gets a status from 200 to 499 within RESPONSE_SECONDS."""
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            status = await _status(address, path, host)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return False
    return 200 <= status < 500


async def _status(address: Address, path: str, host: str) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=MAX_HEAD_BYTES)
    try:
        head = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: carrel\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        line = await reader.readuntil(b"\n")
        version, status, *_ = line.split()
        if not version.startswith(b"HTTP/"):
            raise ValueError("not HTTP")
        return int(status)
    finally:
        writer.close()
