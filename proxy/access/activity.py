"""Is somebody working in a session? Told at most once a minute, from what the client sends; an open tab is no work.

What counts is what a person causes: a request that changes something or opens a page, and bytes that the client sends
into a websocket beyond what keeps it alive. No message is touched for it: the system counts the bytes of a connection.
"""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from proxy.relay.tunnel import Tunnel

if TYPE_CHECKING:
    from proxy.access.admission import Line
    from proxy.http.request import Request

log = logging.getLogger(__name__)

READING = frozenset((b"GET", b"HEAD", b"OPTIONS"))
KEEP_ALIVE_BYTES = 512
"""What a websocket that nobody uses may send in a minute: answers to pings, and a heartbeat of its page."""
RECEIVED = struct.Struct("=128xQ")
"""Where the system's account of a connection holds the bytes that came in: `tcpi_bytes_received`."""


class Ledger(Protocol):
    """Whoever keeps when a session was last used."""

    async def used(self, session_id: int) -> None:
        """Keep that somebody works in the session now."""


def works(request: Request) -> bool:
    """Tell whether a person may have caused this request, and not only a page that was left open."""
    return request.method not in READING or request.navigates


class Activity:
    """What the tunnels of one proxy have received so far, so that the next look finds what came since."""

    def __init__(self) -> None:
        self._received: WeakKeyDictionary[Tunnel, int] = WeakKeyDictionary()

    def busy(self, lines: Iterable[Line]) -> Iterator[int]:
        """Yield the sessions in which somebody has worked since the last look."""
        for line in lines:
            worked, line.worked = line.worked, False
            desk = next((held.desk for held in line.passes.values() if held.desk is not None), None)
            talked = [self._talked(live) for held in line.passes.values() for live in held.live]
            if desk is not None and (worked or any(talked)):
                yield desk.session_id

    def _talked(self, live: object) -> bool:
        if not isinstance(live, Tunnel):
            return False
        now = received(live.client.get_extra_info("socket"))
        before = self._received.get(live, now)  # What opened it was the page, maybe by itself.
        self._received[live] = now
        return now - before > KEEP_ALIVE_BYTES


def received(connection: socket.socket | None) -> int:
    """Return how many bytes have come in over a connection; 0 where the system does not count them."""
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return 0
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED.size)
    except OSError:
        return 0
    return int(RECEIVED.unpack(told)[0]) if len(told) == RECEIVED.size else 0
