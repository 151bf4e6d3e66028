"""A websocket after its handshake: bytes in are bytes out, and no frame is ever looked at."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from proxy.relay.upstream import HIGH_WATER

HALF_OPEN_SECONDS = 30.0
SIGNED_OUT = 4401
RESTARTING = 1012


class End(asyncio.Protocol):
    """One end of a tunnel; what it receives, the other end's transport writes."""

    __slots__ = ("data_received", "ended", "peer", "silent", "twin")

    twin: End

    def __init__(self, peer: asyncio.Transport) -> None:
        self.peer = peer
        # The transport's own method: no Python frame per message.
        self.data_received = peer.write  # type: ignore[method-assign]
        self.ended: Callable[[], None] | None = None
        self.silent = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end after what is still to be written; a break goes through as a break."""
        if exc is None:
            self.peer.close()
        else:
            self.peer.abort()
        if self.ended is not None:
            self.ended()

    def eof_received(self) -> bool:
        """Pass a half-close, and give the other end some time to say the rest; after both, close."""
        self.silent = True
        if self.peer.is_closing() or not self.peer.can_write_eof():
            return False
        if self.twin.silent:
            self.peer.close()
            return False
        self.peer.write_eof()
        asyncio.get_running_loop().call_later(HALF_OPEN_SECONDS, self.peer.close)
        return True

    def pause_writing(self) -> None:
        """Let the other end wait, for this one is slow to read."""
        if not self.peer.is_closing():
            self.peer.pause_reading()

    def resume_writing(self) -> None:
        """Let the other end go on."""
        if not self.peer.is_closing():
            self.peer.resume_reading()


class Tunnel:
    """An open websocket, as those see it who may have to close it."""

    __slots__ = ("__weakref__", "client", "container")

    def __init__(self, client: asyncio.Transport, container: asyncio.Transport) -> None:
        self.client = client
        self.container = container

    def join(self, ended: Callable[[], None]) -> None:
        """Let bytes flow both ways until either end closes; then call `ended` once."""
        theirs, mine = End(self.client), End(self.container)
        mine.ended = ended
        mine.twin, theirs.twin = theirs, mine
        for transport, end in ((self.container, theirs), (self.client, mine)):
            transport.set_write_buffer_limits(high=HIGH_WATER)
            transport.set_protocol(end)
            _probe(transport)

    def revoke(self, code: int = SIGNED_OUT, /) -> None:
        """Close both ends at once, with a close frame for the client.

        The frame is not put into the flow of an open tunnel: it is its last bytes. Where a message was
        half sent, the client sees it cut off.
        """
        self.container.abort()
        if self.client.get_write_buffer_size() or self.client.is_closing():
            self.client.abort()
            return
        with contextlib.suppress(RuntimeError):  # Our side of it may be half-closed already.
            self.client.write(b"\x88\x02" + code.to_bytes(2, "big"))
        self.client.close()


def _probe(transport: asyncio.Transport) -> None:
    """Let the system find out that a silent peer is gone."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
