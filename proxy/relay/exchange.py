"""One request on its way to the container, and its response on the way back.

The client's connection feeds the request's body into it; an upstream connection writes the response.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from proxy.access.sessions import CachedDecision
from proxy.constants import HIGH_WATER, LAST_CHUNK, SIGNED_OUT
from proxy.directory import Address
from proxy.http.request import ProxyRequest, RequestRefused
from proxy.relay.pool import Pool
from proxy.relay.upstream import Upstream
from proxy.state import ProxyState

log = logging.getLogger(__name__)


class ClientSide(Protocol):
    """The client's connection as its exchanges use it."""

    state: ProxyState
    transport: asyncio.Transport

    @property
    def is_write_paused(self) -> bool:
        """Whether the client is slow to read."""

    def is_current(self, exchange: Exchange, /) -> bool:
        """Return whether the exchange is the one that is being answered."""

    def forwarded_header_lines(self, forwarded_for: bytes | None, /) -> bytes:
        """Return the header lines that name the client to the container."""

    def update_flow_control(self) -> None:
        """Read the client, or stop reading, by what the exchange needs now."""

    def exchange_finished(self, exchange: Exchange, /) -> None:
        """Go on with the next request after a complete response."""

    def refuse(self, refusal: RequestRefused, /) -> None:
        """Send a refusal and close."""

    def send_unreachable(self, exchange: Exchange, /) -> None:
        """Send the page that says that the container gave no valid response."""

    def open_tunnel(self, exchange: Exchange, upstream: Upstream, response: bytes, cached: CachedDecision, /) -> None:
        """Join both connections to a tunnel, after the response to the handshake."""


class Exchange:
    """One request and its response; `refusal` is set instead of a request that was refused."""

    pool: Pool
    address: Address
    request_head: bytes
    keep_alive = is_upgrade = has_no_body = False
    passthrough_left = body_left = 0
    has_response_started = is_client_paused = is_pooled_upstream = False
    cached: CachedDecision | None = None
    upstream: Upstream | None = None
    task: asyncio.Task[None] | None = None

    def __init__(self, client: ClientSide, request: ProxyRequest | None, refusal: RequestRefused | None = None) -> None:
        self.client = client
        self.state = client.state
        self.last_progress_at = client.state.now
        self.request = request
        self.refusal = refusal
        self.buffered_body: list[bytes] = []
        self.is_request_complete = request is None
        if request is not None:
            self.keep_alive = request.keep_alive
            self.is_upgrade = request.is_upgrade
            self.has_no_body = request.has_no_body
            self.body_left = 0 if request.head.is_chunked else request.head.content_length

    @property
    def is_blocked(self) -> bool:
        """True if the client should wait before it sends more."""
        return self.is_client_paused or self.is_upgrade or (self.upstream is None and not self.is_request_complete)

    # The request.
    def forward(
        self, request: ProxyRequest, cached: CachedDecision, pool: Pool, address: Address, target: bytes
    ) -> None:
        """Send the request to a container's address."""
        self.cached, self.pool, self.address = cached, pool, address
        cached.open_work.add(self)
        self.request_head = self._make_head(request, target)
        upstream = None if self.is_upgrade else pool.take(address, is_retryable=request.is_retryable)
        if upstream is None:
            self._connect(request)
        else:
            self.is_pooled_upstream = True
            self._begin(request, upstream)

    def _make_head(self, request: ProxyRequest, target: bytes) -> bytes:
        lines = [request.method, b" ", target, b" HTTP/1.1\r\n"]
        request.head.write_to(lines)
        if request.head.is_chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        if self.is_upgrade:
            lines.append(b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        lines += (self.client.forwarded_header_lines(request.head.forwarded_for), request.host.name, b"\r\n\r\n")
        return b"".join(lines)

    def _connect(self, request: ProxyRequest) -> None:
        self.upstream = None
        self.task = asyncio.ensure_future(self._open_upstream(request))
        self.client.update_flow_control()

    async def _open_upstream(self, request: ProxyRequest) -> None:
        try:
            upstream = await self.pool.connect(self.address)
        except (OSError, ValueError) as error:  # TimeoutError, PermissionError and UnicodeError are among them.
            # No address and no text of the error: both may come from a client or a container.
            log.warning("A session's container does not accept connections: %s.", type(error).__name__)
            self.upstream_failed()
            return
        if self.client.transport.is_closing():
            upstream.transport.abort()
        else:
            self._begin(request, upstream)
            self.client.update_flow_control()

    def _begin(self, request: ProxyRequest, upstream: Upstream) -> None:
        self.upstream = upstream
        upstream.begin(self, request, self.request_head)
        if self.client.is_write_paused:
            upstream.pause()
        if not self.is_upgrade:  # Bytes after a handshake wait for the 101.
            for part in self.buffered_body:
                upstream.send(part)
            self.buffered_body = []

    def add_body(self, data: bytes) -> None:
        """Send a piece of the request's body; a long rest of known length is counted instead of parsed."""
        request = self.request
        if request is not None and request.head.is_chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        else:
            self.body_left -= len(data)
            if self.body_left > HIGH_WATER:
                self.passthrough_left = self.body_left
        self._send(data)

    def pass_through(self, data: bytes) -> bytes:
        """Send bytes of a long body unparsed; return those after its end."""
        body, rest = data[: self.passthrough_left], data[self.passthrough_left :]
        self.passthrough_left -= len(body)
        self._send(body)
        return rest

    def complete_request(self) -> None:
        """Mark the request as complete."""
        self.is_request_complete = True
        if self.request is not None and self.request.head.is_chunked:
            self._send(LAST_CHUNK)

    def _send(self, data: bytes) -> None:
        if self.upstream is None:
            self.buffered_body.append(data)
        else:
            self.upstream.send(data)

    # The response, by the upstream.
    def note_progress(self) -> None:
        """Restart the idle time-out."""
        self.last_progress_at = self.state.now

    def write_response(self, data: bytes, *, final: bool) -> None:
        """Write bytes to the client; `final` once they belong to the final response."""
        if final:
            self.has_response_started = True
        self.client.transport.write(data)

    def pause_client(self, *, paused: bool) -> None:
        """Stop or resume reading the client."""
        self.is_client_paused = paused
        self.client.update_flow_control()

    def response_finished(self) -> None:
        """Go on with the next request."""
        self._leave()
        self.client.exchange_finished(self)

    def upstream_lost(self, *, response_started: bool, has_received: bool) -> None:
        """Retry once if a pooled connection was dead already; otherwise fail."""
        self.upstream = None
        request = self.request
        if response_started:
            self.client.transport.abort()  # The client must see a broken response, not a short complete one.
        elif self.is_pooled_upstream and not has_received and request is not None and request.is_retryable:
            self.is_pooled_upstream = False
            self.state.counters.retried += 1
            self._connect(request)
        else:
            self.upstream_failed()

    def upstream_failed(self) -> None:
        """Send the page for an unreachable container, or break the response off."""
        self.upstream = None
        self.state.counters.failed += 1
        self._leave()
        if self.has_response_started:
            self.client.transport.abort()
        else:
            self.client.send_unreachable(self)

    def upgraded(self, upstream: Upstream, response: bytes) -> None:
        """Make a tunnel: the container accepted the websocket."""
        self.upstream, cached = None, self.cached
        self._leave()
        if cached is None:  # The exchange was cancelled: no decision stands for the tunnel.
            upstream.drop()
        else:
            self.client.open_tunnel(self, upstream, response, cached)

    # The end.
    def reject(self, refusal: RequestRefused) -> None:
        """Stop at malformed bytes: the container sees a closed connection, the client the refusal."""
        self.refusal, self.is_request_complete, self.keep_alive = refusal, True, False
        if not self.client.is_current(self):
            return
        self.cancel()
        if self.has_response_started:
            self.client.transport.abort()
        else:
            self.client.refuse(refusal)

    def revoke(self, _code: int = SIGNED_OUT, /) -> None:
        """Close the client's connection: access was revoked."""
        self.client.transport.abort()

    def bytes_received(self) -> int:
        """Return 0: requests are counted as activity when they arrive."""
        return 0

    def cancel(self) -> None:
        """Stop all work for a client that is gone or was refused."""
        if self.task is not None:
            self.task.cancel()
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.drop()
        self._leave()

    def _leave(self) -> None:
        cached, self.cached = self.cached, None
        if cached is not None:
            cached.open_work.discard(self)
            if cached.active is not None:
                cached.active.requests -= 1
