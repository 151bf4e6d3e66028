"""One request on its way to the container, and its answer on the way back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from proxy.access.admission import Pass
from proxy.directory import Address
from proxy.http.request import Refusal, Request
from proxy.relay.pool import Pool
from proxy.relay.tunnel import SIGNED_OUT
from proxy.relay.upstream import HIGH_WATER, Upstream

if TYPE_CHECKING:
    from proxy.relay.client_connection import SessionProtocol

log = logging.getLogger(__name__)


class Exchange:
    """One request and its answer; the protocol feeds the request's body, the upstream writes the answer.

    `complete` means that the request was read to its end, `started` that the answer's head was written.
    """

    opening: bytes
    address: Address
    pool: Pool
    method = origin = b""
    modern = True
    keep = upgrading = bodiless = False
    raw = unread = 0
    started = held = reused = False
    admitted: Pass | None = None
    upstream: Upstream | None = None
    task: asyncio.Task[None] | None = None

    def __init__(self, protocol: SessionProtocol, request: Request | None, refusal: Refusal | None = None) -> None:
        self.protocol = protocol
        self.plane = protocol.plane
        self.transport = protocol.transport
        self.moved = protocol.plane.now
        self.request = request
        self.refusal = refusal
        self.early: list[bytes] = []
        self.complete = request is None
        if request is not None:
            self.method = request.method
            self.modern = request.modern
            self.keep = request.keep
            self.upgrading = request.upgrading
            self.origin = request.host.origin
            self.bodiless = request.bodiless
            self.unread = 0 if request.head.chunked else request.head.length

    @property
    def blocked(self) -> bool:
        """Tell whether the client should wait before it sends more."""
        return self.held or self.upgrading or (self.upstream is None and not self.complete)

    # The request.
    def forward(self, request: Request, admitted: Pass, pool: Pool, address: Address, target: bytes) -> None:
        """Send the request to a container's address."""
        self.admitted, self.pool, self.address = admitted, pool, address
        admitted.live.add(self)
        self.opening = self._compose(request, target)
        upstream = None if self.upgrading else pool.take(address, repeatable=request.repeatable)
        if upstream is None:
            self._connect()
        else:
            self.reused = True
            self._begin(upstream)

    def _compose(self, request: Request, target: bytes) -> bytes:
        """Return the head for the container."""
        lines = [request.method, b" ", target, b" HTTP/1.1\r\n"]
        for name, value in request.head.sendable():
            lines += (name, b": ", value, b"\r\n")
        if request.head.chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        if self.upgrading:
            lines.append(b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        lines += (self.protocol.forwarded(request.head.forwarded_for), request.host.name, b"\r\n\r\n")
        return b"".join(lines)

    def _connect(self) -> None:
        self.upstream = None
        self.task = asyncio.ensure_future(self._connecting())
        self.protocol.gate()

    async def _connecting(self) -> None:
        try:
            upstream = await self.pool.connect(self.address)
        except (OSError, ValueError) as fault:  # TimeoutError, PermissionError and UnicodeError are among them.
            log.warning("A session's container does not take connections: %s.", type(fault).__name__)
            self.failed()
            return
        if self.transport.is_closing():
            upstream.transport.abort()
        else:
            self._begin(upstream)
            self.protocol.gate()

    def _begin(self, upstream: Upstream) -> None:
        self.upstream = upstream
        upstream.begin(self, self.opening)
        if self.protocol.flow.write_paused:
            upstream.pause()
        if not self.upgrading:  # What follows a handshake waits for the 101.
            for part in self.early:
                upstream.send(part)
            self.early = []

    def body(self, data: bytes) -> None:
        """Pass a piece of the request's body; a long rest of known length is counted instead of parsed."""
        request = self.request
        if request is not None and request.head.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            self.unread -= len(data)
            if self.unread > HIGH_WATER:
                self.raw = self.unread
        self._send(data)

    def body_raw(self, data: bytes) -> bytes:
        """Pass bytes of a long body unparsed; return what is beyond its end."""
        mine, rest = data[: self.raw], data[self.raw :]
        self.raw -= len(mine)
        self._send(mine)
        return rest

    def end(self) -> None:
        """Note that the request is complete."""
        self.complete = True
        if self.request is not None and self.request.head.chunked:
            self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        if self.upstream is None:
            self.early.append(data)
        else:
            self.upstream.send(data)

    def hold(self, *, held: bool) -> None:
        """Let the client wait, or go on, as the container reads."""
        self.held = held
        self.protocol.gate()

    # The answer.
    def answered(self) -> None:
        """Note that the whole answer is written."""
        self._leave()
        self.protocol.finished(self)

    def broken(self, *, started: bool, spoken: bool) -> None:
        """Cope with a lost connection; a kept one that said nothing may have been dead before."""
        self.upstream = None
        request = self.request
        if started:
            self.transport.abort()  # The client must see a broken answer, not a good short one.
        elif self.reused and not spoken and request is not None and request.repeatable:
            self.reused = False
            self.plane.counts.retried += 1
            self._connect()
        else:
            self.failed()

    def failed(self) -> None:
        """Tell the client that there is no answer that could be passed on."""
        self.upstream = None
        self.plane.counts.failed += 1
        self._leave()
        if self.started:
            self.transport.abort()
        else:
            self.protocol.unreachable(self)

    def switched(self, upstream: Upstream, opening: bytes) -> None:
        """Make a tunnel of it: the container took the websocket."""
        self.upstream, admitted = None, self.admitted
        self._leave()
        if admitted is None:
            upstream.drop()
        else:
            self.protocol.tunnel(self, upstream, opening, admitted)

    def malformed(self, refusal: Refusal) -> None:
        """Stop at what is not http: the container sees a break, the client the refusal."""
        self.refusal, self.complete, self.keep = refusal, True, False
        if self.protocol.current is not self:
            return
        self.lost()
        if self.started:
            self.transport.abort()
        else:
            self.protocol.refuse(refusal)

    def revoke(self, _code: int = SIGNED_OUT, /) -> None:
        """Cut the exchange off, for the pass is gone."""
        self.transport.abort()

    def lost(self) -> None:
        """Stop what goes on for a client that is gone, or as good as gone."""
        if self.task is not None:
            self.task.cancel()
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.drop()
        self._leave()

    def _leave(self) -> None:
        admitted, self.admitted = self.admitted, None
        if admitted is not None:
            admitted.live.discard(self)
            if admitted.line is not None:
                admitted.line.requests -= 1
