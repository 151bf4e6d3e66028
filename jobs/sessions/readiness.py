"""Is the service in a container ready? Asked over HTTP, since a published port accepts before anybody listens."""

import asyncio

from core.engine.protocol import Address

ANSWER_SECONDS = 2.0
HEAD_LIMIT = 64 * 1024


async def answers(address: Address, path: str, host: str) -> bool:
    """Say whether a GET of `path` is answered with a status below 500 within two seconds."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            status = await _status(address, path, host)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return False
    return 200 <= status < 500


async def _status(address: Address, path: str, host: str) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=HEAD_LIMIT)
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
