"""An open websocket as a tunnel of bytes: after the 101 no frame is parsed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from proxy.constants import HIGH_WATER, SIGNED_OUT

HALF_OPEN_SECONDS = 30.0
CLOSE_FRAME = b"\x88\x02"
TCP_BYTES_RECEIVED = struct.Struct("=128xQ")
"""Position of `tcpi_bytes_received` in Linux's `struct tcp_info`."""
KEEP_ALIVE_OPTIONS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel; what it receives, the other end's transport writes."""

    __slots__ = ("data_received", "has_ended", "on_closed", "peer", "twin")

    twin: TunnelEnd

    def __init__(self, peer: asyncio.Transport) -> None:
        self.peer = peer
        # The transport's own method: no Python frame per message.
        self.data_received = peer.write  # type: ignore[method-assign]
        self.on_closed: Callable[[], None] | None = None
        self.has_ended = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end after its pending writes; a reset becomes a reset."""
        if exc is None:
            self.peer.close()
        else:
            self.peer.abort()
        if self.on_closed is not None:
            self.on_closed()

    def eof_received(self) -> bool:
        """Pass a half-close on, with a deadline for the other end; after both ends' half-close, close."""
        self.has_ended = True
        if self.peer.is_closing() or not self.peer.can_write_eof():
            return False
        if self.twin.has_ended:
            self.peer.close()
            return False
        self.peer.write_eof()
        asyncio.get_running_loop().call_later(HALF_OPEN_SECONDS, self.peer.close)
        return True

    def pause_writing(self) -> None:
        """Stop reading the other end: this one is slow to read."""
        if not self.peer.is_closing():
            self.peer.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading the other end."""
        if not self.peer.is_closing():
            self.peer.resume_reading()


class Tunnel:
    """An open websocket between a client and a container; it can be revoked."""

    __slots__ = ("__weakref__", "client", "container")

    def __init__(self, client: asyncio.Transport, container: asyncio.Transport) -> None:
        self.client = client
        self.container = container

    def join(self, on_closed: Callable[[], None]) -> None:
        """Relay bytes both ways until either end closes; then call `on_closed` once."""
        from_container, from_client = TunnelEnd(self.client), TunnelEnd(self.container)
        from_client.on_closed = on_closed
        from_client.twin, from_container.twin = from_container, from_client
        for transport, end in ((self.container, from_container), (self.client, from_client)):
            transport.set_write_buffer_limits(high=HIGH_WATER)
            transport.set_protocol(end)
            _enable_keep_alive(transport)

    def revoke(self, code: int = SIGNED_OUT, /) -> None:
        """Close both ends at once, with a close frame for the client.

        The frame is the last bytes of the tunnel, not part of its flow. If a message was sent in part,
        the client sees it cut off.
        """
        self.container.abort()
        # A close frame behind unsent bytes might never arrive.
        if self.client.get_write_buffer_size() or self.client.is_closing():
            self.client.abort()
            return
        with contextlib.suppress(RuntimeError):  # The write side may be half-closed already.
            self.client.write(CLOSE_FRAME + code.to_bytes(2, "big"))
        self.client.close()

    def bytes_received(self) -> int:
        """Return how many bytes the client has sent, by the kernel's count; 0 where the kernel has none."""
        connection = self.client.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_INFO"):
            return 0
        try:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_BYTES_RECEIVED.size)
        except OSError:
            return 0
        # Older kernels return a shorter structure, without the count.
        return int(TCP_BYTES_RECEIVED.unpack(info)[0]) if len(info) == TCP_BYTES_RECEIVED.size else 0


def _enable_keep_alive(transport: asyncio.Transport) -> None:
    """Let the kernel find out that a silent peer is gone."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE_OPTIONS.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
