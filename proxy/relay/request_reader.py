"""What a client sends, cut into requests: strict, bounded, in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from proxy.http.headers import Header
from proxy.http.request import Refusal, Request
from proxy.relay.exchange import Exchange
from proxy.relay.upstream import HIGH_WATER
from proxy.state import Plane

log = logging.getLogger(__name__)

MALFORMED = Refusal(400, "This is not a valid HTTP/1.1 request.")
TOO_LONG = Refusal(414, "The request target is too long.")
TOO_LARGE = Refusal(431, "The request's headers are too large.")


class RequestReader(HttpToolsProtocol):
    """One client connection, as far as reading goes. Requests are read as they come and answered in that order.

    `incoming` is the exchange whose body is being read, `current` the one being answered, `waiting`
    those that a pipelining client sent ahead; while any waits, nothing more is read.
    """

    plane: Plane

    def __init__(
        self,
        plane: Plane,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.plane = plane
        self.parser = httptools.HttpRequestParser(self)  # Without uvicorn's leniencies.
        self.headers: list[Header] = []
        self.url = b""
        self.address = ""
        self.trusted = False
        self.incoming: Exchange | None = None
        self.current: Exchange | None = None
        self.waiting: deque[Exchange] = deque()
        self.in_head = True
        self.deaf = self.muted = self.resync = self.pumping = self.lingering = False
        self.chunk = self.head_fed = self.silent = 0
        self.since = 0.0

    # What the transport tells.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request's head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self.since = self.plane.now
        self.address = self.client[0] if self.client else "unknown"
        self.trusted = self.plane.trusts(self.address)
        if self.plane.arrived(self.address):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all that went on for the client."""
        current, self.current = self.current, None
        if current is not None:
            current.lost()
        self.waiting.clear()
        self.deaf = True
        self.incoming = None
        self.plane.left(self.address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a long body, after a handshake, or for the parser."""
        if self.deaf:
            return
        incoming = self.incoming
        if incoming is not None:
            incoming.moved = self.plane.now
            if incoming.raw:
                data = self._raw(incoming, data)
                if not data:
                    return
        current = self.current
        if current is not None and current.upgrading:
            current.early.append(data)
            return
        self.chunk = len(data)
        self.silent += self.chunk
        if self.in_head:
            self.head_fed += self.chunk
        self._feed(data)
        self._measure()

    def _raw(self, incoming: Exchange, data: bytes) -> bytes:
        rest = incoming.body_raw(data)
        if not incoming.raw:
            self.parser = httptools.HttpRequestParser(self)
            self._read_to_end(incoming)
        return rest

    def _feed(self, data: bytes) -> None:
        try:
            while data:
                data = self._feed_until_upgrade(data)
        except httptools.HttpParserError as fault:
            if isinstance(fault, httptools.HttpParserCallbackError):
                log.exception("A request broke the proxy.")
            self._malformed(MALFORMED)

    def _feed_until_upgrade(self, data: bytes) -> bytes:
        """Feed the parser; return what is left behind a head that asked for another protocol but stays http."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self.deaf:
                return b""
            if self.resync:
                self._stay_http()
                return rest
            last = self.waiting[-1] if self.waiting else self.current
            if rest and last is not None and last.upgrading:
                last.early.append(rest)
        return b""

    def _stay_http(self) -> None:
        """Parse on as plain http: a parser that saw an upgrade has forgotten how long the body is."""
        self.resync = False
        framing = self._framing()
        self.parser = httptools.HttpRequestParser(self)
        self.muted = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self.muted = False

    def _framing(self) -> bytes:
        """Return the lines that tell the parser how long the body is."""
        head = self.incoming.request.head if self.incoming and self.incoming.request else None
        if head is None:
            return b""
        return b"Transfer-Encoding: chunked\r\n" if head.chunked else b"Content-Length: %d\r\n" % head.length

    def _measure(self) -> None:
        """Refuse a head, trailers or chunk extensions without an end."""
        limit = self.plane.options.head_limit
        if self.in_head and self.head_fed > limit:
            self._malformed(TOO_LONG if not self.headers and len(self.url) > limit // 4 else TOO_LARGE)
        elif self.incoming is not None and self.silent > limit:
            self._malformed(TOO_LARGE)

    # What the parser finds.
    def on_message_begin(self) -> None:
        """Begin a head."""
        if self.muted:
            return
        self.url = b""
        self.headers = []
        self.in_head = True
        self.head_fed = 0
        self.since = self.plane.now

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header as it is spelled; trailers come here too and are dropped."""
        if self.in_head and not self.muted:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Understand a complete head or refuse it, and let it take its turn."""
        if self.muted or self.deaf:
            return
        self.in_head, self.silent = False, 0
        try:
            exchange = self._exchange(self._understand())
        except Refusal as refusal:
            self._malformed(refusal)
            return
        self.incoming = exchange
        self.resync = self.parser.should_upgrade() and not exchange.upgrading
        if self.current is not None or self.waiting:
            self.waiting.append(exchange)
            return
        self.current = exchange
        if not exchange.bodiless:
            self._start(exchange)

    def _understand(self) -> Request:
        options = self.plane.options
        if len(self.url) > options.target_limit:
            raise TOO_LONG
        if self.chunk > options.head_limit or self.head_fed:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > options.head_limit:
                raise TOO_LARGE
        parser = self.parser
        return self.plane.understanding.read(
            parser.get_method(),
            self.url,
            parser.get_http_version(),
            self.headers,
            keep=parser.should_keep_alive(),
            upgrade=parser.should_upgrade(),
        )

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self.silent = 0
        if self.incoming is not None:
            self.incoming.body(body)

    def on_message_complete(self) -> None:
        """Note that a request was read to its end."""
        if self.incoming is not None and not self.resync:
            self._read_to_end(self.incoming)

    def _read_to_end(self, exchange: Exchange) -> None:
        self.incoming = None
        exchange.end()
        if not exchange.keep:
            self.deaf = not exchange.upgrading
        if exchange.bodiless and exchange is self.current:
            self._start(exchange)
        elif self.waiting:
            self.gate()

    def _malformed(self, refusal: Refusal) -> None:
        """Hear nothing more; refuse, after the answers that are owed before."""
        self.deaf = True
        incoming, self.incoming = self.incoming, None
        if incoming is not None:
            incoming.malformed(refusal)
        else:
            self.waiting.append(self._exchange(None, refusal))
            self._pump()

    # One after the other.
    def gate(self) -> None:
        """Read on, or wait: for the container, or for the answers that are owed."""
        current = self.current
        if self.transport.is_closing():
            return
        if not self.deaf and (self.waiting or (current is not None and current.blocked)):
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _pump(self) -> None:
        """Start what waits, one after the other; answers that are ready at once make no deep stack."""
        if self.pumping:
            return
        self.pumping = True
        while self.current is None and self.waiting and not self.transport.is_closing():
            self.current = self.waiting.popleft()
            self._start(self.current)
        self.pumping = False
        if self.waiting:
            self.gate()

    def _exchange(self, request: Request | None, refusal: Refusal | None = None) -> Exchange:
        """Return the exchange for a request, or for the refusal of one."""
        raise NotImplementedError

    def _start(self, exchange: Exchange) -> None:
        """Answer the exchange whose turn it is."""
        raise NotImplementedError
