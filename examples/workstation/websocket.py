"""A websocket server (RFC 6455) without dependencies that answers each message with a count and the message."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


async def serve(port: int) -> asyncio.Server:
    """Listen on `port` and echo messages on every path."""
    return await asyncio.start_server(_handle_connection, "0.0.0.0", port)  # noqa: S104 The container's own network.


async def _handle_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        if await _handshake(reader, writer):
            await _echo(reader, writer)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        pass
    finally:
        writer.close()


async def _handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    key = headers.get(b"sec-websocket-key")
    if not key:
        writer.write(
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        return False
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    await writer.drain()
    return True


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    count = 0
    async for opcode, message in _messages(reader, writer):
        count += 1
        answer = b"%d: %s" % (count, message) if opcode == TEXT else message
        writer.write(_frame(opcode, answer))
        await writer.drain()


async def _messages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[tuple[int, bytes]]:
    """Yield complete messages, and answer pings and the close frame."""
    kind, parts = TEXT, bytearray()
    while True:
        final, opcode, payload = await _read_frame(reader)
        if opcode == CLOSE:
            writer.write(_frame(CLOSE, payload[:2]))
            await writer.drain()
            return
        if opcode == PING:
            writer.write(_frame(PONG, payload))
        elif opcode in {CONTINUATION, TEXT, BINARY}:
            kind = opcode or kind
            parts += payload
            if len(parts) > MAX_MESSAGE_BYTES:
                writer.write(_frame(CLOSE, struct.pack("!H", 1009)))
                return
            if final:
                yield kind, bytes(parts)
                parts.clear()


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bool, int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if size > MAX_MESSAGE_BYTES:
        raise ConnectionError("The frame is too large.")
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(size)
    return bool(first & 0x80), first & 0x0F, _unmask(payload, mask) if mask else payload


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return head + payload
