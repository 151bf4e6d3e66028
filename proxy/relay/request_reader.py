"""Reads requests from a client's connection: strictly, within limits, and in order.

`ClientConnection` extends it with the answers. It builds on uvicorn's protocol for flow control and page cycles.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from proxy.constants import HIGH_WATER
from proxy.http.headers import Header
from proxy.http.request import ProxyRequest, RequestRefused
from proxy.relay.exchange import Exchange
from proxy.state import ProxyState

log = logging.getLogger(__name__)

MALFORMED = RequestRefused(400, "This is not a valid HTTP/1.1 request.")
TARGET_TOO_LONG = RequestRefused(414, "The request target is too long.")
HEADERS_TOO_LARGE = RequestRefused(431, "The request's headers are too large.")


class RequestReader(HttpToolsProtocol):
    """The reading half of a client's connection.

    `incoming` is the exchange whose body is being read, `current` the one being answered, and `pipelined`
    has those that the client sent ahead. While `pipelined` has any, nothing more is read.
    """

    state: ProxyState

    def __init__(
        self,
        state: ProxyState,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.state = state
        self.parser = httptools.HttpRequestParser(self)  # A strict one; uvicorn's own is lenient.
        self.headers: list[Header] = []
        self.url = b""
        self.address = ""
        self.is_trusted_peer = False
        self.incoming: Exchange | None = None
        self.current: Exchange | None = None
        self.pipelined: deque[Exchange] = deque()
        self.in_head = True
        self.ignores_input = self.is_replaying_head = self.needs_resync = False
        self.is_starting = self.is_lingering = False
        self.chunk_size = self.head_bytes = self.bytes_without_body = 0
        self.waiting_since = 0.0

    # Called by the transport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request's head, unless the client's address has too many connections."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self.waiting_since = self.state.now
        self.address = self.client[0] if self.client else "unknown"
        self.is_trusted_peer = self.state.is_trusted_peer(self.address)
        if not self.state.connection_opened(self.address):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all work for the client."""
        current, self.current = self.current, None
        if current is not None:
            current.cancel()
        self.pipelined.clear()
        self.ignores_input = True
        self.incoming = None
        self.state.connection_closed(self.address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle bytes of a long body, bytes after a handshake, or bytes for the parser."""
        if self.ignores_input:
            return
        incoming = self.incoming
        if incoming is not None:
            incoming.last_progress_at = self.state.now
            if incoming.passthrough_left:
                data = self._pass_through(incoming, data)
                if not data:
                    return
        current = self.current
        if current is not None and current.is_upgrade:
            # After a handshake the bytes belong to the tunnel.
            current.buffered_body.append(data)
            return
        self.chunk_size = len(data)
        self.bytes_without_body += self.chunk_size
        if self.in_head:
            self.head_bytes += self.chunk_size
        self._feed(data)
        self._check_limits()

    def _pass_through(self, incoming: Exchange, data: bytes) -> bytes:
        rest = incoming.pass_through(data)
        if not incoming.passthrough_left:
            # The parser still waits for this body: the next request needs a new one.
            self.parser = httptools.HttpRequestParser(self)
            self._complete(incoming)
        return rest

    def _feed(self, data: bytes) -> None:
        try:
            while data:
                data = self._feed_until_upgrade(data)
        except httptools.HttpParserError as error:
            if isinstance(error, httptools.HttpParserCallbackError):
                log.exception("Reading a request failed because of a bug in the proxy.")
            self._reject(MALFORMED)

    def _feed_until_upgrade(self, data: bytes) -> bytes:
        """Feed the parser; return the bytes after a head whose upgrade is not made, as they are still http."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self.ignores_input:
                return b""
            if self.needs_resync:
                self._continue_as_http()
                return rest
            last = self.pipelined[-1] if self.pipelined else self.current
            if rest and last is not None and last.is_upgrade:
                last.buffered_body.append(rest)
        return b""

    def _continue_as_http(self) -> None:
        # After an upgrade httptools forgets the framing of the body. A new parser learns it from a replayed head.
        self.needs_resync = False
        framing = self._framing_lines()
        self.parser = httptools.HttpRequestParser(self)
        self.is_replaying_head = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self.is_replaying_head = False

    def _framing_lines(self) -> bytes:
        head = self.incoming.request.head if self.incoming and self.incoming.request else None
        if head is None:
            return b""
        if head.is_chunked:
            return b"Transfer-Encoding: chunked\r\n"
        return b"Content-Length: %d\r\n" % head.content_length

    def _check_limits(self) -> None:
        """Reject a head, trailers or chunk extensions without an end."""
        limit = self.state.options.head_limit
        if self.in_head and self.head_bytes > limit:
            self._reject(TARGET_TOO_LONG if not self.headers and len(self.url) > limit // 4 else HEADERS_TOO_LARGE)
        elif self.incoming is not None and self.bytes_without_body > limit:
            self._reject(HEADERS_TOO_LARGE)

    # Called by the parser.
    def on_message_begin(self) -> None:
        """Begin a head."""
        if self.is_replaying_head:
            return
        self.url = b""
        self.headers = []
        self.in_head = True
        self.head_bytes = 0
        self.waiting_since = self.state.now

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header as it is spelled; trailers come here too and are dropped."""
        if self.in_head and not self.is_replaying_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Make an exchange of a complete head, and start it or queue it behind those under way."""
        if self.is_replaying_head or self.ignores_input:
            return
        self.in_head, self.bytes_without_body = False, 0
        try:
            exchange = self._make_exchange(self._parse_request())
        except RequestRefused as refusal:
            self._reject(refusal)
            return
        self.incoming = exchange
        self.needs_resync = self.parser.should_upgrade() and not exchange.is_upgrade
        if self.current is not None or self.pipelined:
            self.pipelined.append(exchange)
            return
        self.current = exchange
        # A request without a body starts when its message is complete, in the same read.
        if not exchange.has_no_body:
            self._start(exchange)

    def _parse_request(self) -> ProxyRequest:
        options = self.state.options
        if len(self.url) > options.target_limit:
            raise TARGET_TOO_LONG
        if self.chunk_size > options.head_limit or self.head_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > options.head_limit:
                raise HEADERS_TOO_LARGE
        parser = self.parser
        return self.state.parser.parse(
            parser.get_method(),
            self.url,
            parser.get_http_version(),
            self.headers,
            keep_alive=parser.should_keep_alive(),
            upgrade=parser.should_upgrade(),
        )

    def on_body(self, body: bytes) -> None:
        """Relay a piece of the body."""
        self.bytes_without_body = 0
        if self.incoming is not None:
            self.incoming.add_body(body)

    def on_message_complete(self) -> None:
        """Complete the request, unless its body is still to be read by another parser."""
        if self.incoming is not None and not self.needs_resync:
            self._complete(self.incoming)

    def _complete(self, exchange: Exchange) -> None:
        self.incoming = None
        exchange.complete_request()
        if not exchange.keep_alive:
            self.ignores_input = not exchange.is_upgrade
        if exchange.has_no_body and exchange is self.current:
            self._start(exchange)
        elif self.pipelined:
            self.update_flow_control()

    def _reject(self, refusal: RequestRefused) -> None:
        """Read nothing more, and send the refusal after the responses to earlier requests."""
        self.ignores_input = True
        incoming, self.incoming = self.incoming, None
        if incoming is not None:
            incoming.reject(refusal)
        else:
            self.pipelined.append(self._make_exchange(None, refusal))
            self._start_pipelined()

    def update_flow_control(self) -> None:
        """Read the client, or wait for the container or for the responses to earlier requests."""
        current = self.current
        if self.transport.is_closing():
            return
        if not self.ignores_input and (self.pipelined or (current is not None and current.is_blocked)):
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _start_pipelined(self) -> None:
        """Start queued exchanges in turn. A loop, as those answered at once would recurse deeply."""
        if self.is_starting:
            return
        self.is_starting = True
        while self.current is None and self.pipelined and not self.transport.is_closing():
            self.current = self.pipelined.popleft()
            self._start(self.current)
        self.is_starting = False
        if self.pipelined:
            self.update_flow_control()

    def _make_exchange(self, request: ProxyRequest | None, refusal: RequestRefused | None = None) -> Exchange:
        """Return the exchange for a request, or for the refusal of one."""
        raise NotImplementedError

    def _start(self, exchange: Exchange) -> None:
        """Answer an exchange that has become the current one."""
        raise NotImplementedError
