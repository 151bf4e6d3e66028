"""One connection to a container: it carries one exchange at a time and is kept while both sides behave."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

import httptools

from proxy.directory import Address
from proxy.http import response_head
from proxy.http.headers import Header, status_line

if TYPE_CHECKING:
    from proxy.relay.exchange import Exchange
    from proxy.relay.pool import Pool

HIGH_WATER = 256 * 1024
INTERIM_LIMIT = 16


class Ending(Enum):
    """How one knows that an answer's body is over."""

    NOTHING = "it has none"
    LENGTH = "by its length"
    CHUNKED = "by its last chunk"
    CLOSE = "by the end of the connection"


class Upstream(asyncio.Protocol):
    """A connection to one port of one session's container; never used for another session."""

    transport: asyncio.Transport

    def __init__(self, pool: Pool, address: Address, head_limit: int) -> None:
        self.pool = pool
        self.address = address
        self.authority = b"%b:%d" % (address[0].encode(), address[1])
        self.head_limit = head_limit
        self.parser = httptools.HttpResponseParser(self)
        self.exchange: Exchange | None = None
        self.reading = True
        self.idle_since = 0.0
        self.raw = 0
        self.in_head = True
        self.out: list[bytes] = []

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Send a request's head; its body follows by `send`, its answer goes to the exchange's client."""
        self.exchange = exchange
        self.headers: list[Header] = []
        self.in_head = True
        self.started = self.done = self.keep = self.rechunk = self.switching = self.bad = False
        self.status = self.fed = self.silent = self.chunk = self.interim = self.length = 0
        self.ending = Ending.NOTHING
        self.transport.write(head)

    def send(self, data: bytes) -> None:
        """Pass bytes of the request's body."""
        self.transport.write(data)

    # What the transport tells.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the transport."""
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Relay bytes of the answer; bytes that nobody asked for end the connection."""
        exchange = self.exchange
        if exchange is None:
            self.transport.abort()
            return
        exchange.moved = exchange.plane.now
        if self.raw:
            self._relay_raw(exchange, data)
            return
        self.chunk = len(data)
        if self.in_head:
            self.fed += self.chunk
        self.silent += self.chunk
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._switch(exchange, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self.keep = False
            if not self.done:
                self._fail(exchange)
                return
        self._flush(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the pool; a body that ends with the connection is complete, any other is broken."""
        self.pool.discard(self)
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if self.started and self.ending is Ending.CLOSE and exc is None:
            if self.rechunk:
                exchange.transport.write(b"0\r\n\r\n")
            exchange.answered()
        else:
            exchange.broken(started=self.started, spoken=self.fed > 0)

    def pause_writing(self) -> None:
        """Let the client wait, for the container is slow to read."""
        if self.exchange is not None:
            self.exchange.hold(held=True)

    def resume_writing(self) -> None:
        """Let the client go on, for the container reads again."""
        if self.exchange is not None:
            self.exchange.hold(held=False)

    # The client is slow to read: let the container wait.
    def pause(self) -> None:
        """Stop reading the container."""
        if self.reading and not self.transport.is_closing():
            self.reading = False
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read the container again."""
        if not self.reading and not self.transport.is_closing():
            self.reading = True
            self.transport.resume_reading()

    def drop(self) -> None:
        """Close at once and forget the exchange."""
        self.exchange = None
        self.transport.abort()

    # What the parser finds.
    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; trailers come here too and are dropped."""
        if self.in_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Write the head of the answer for the browser, or note that it cannot be."""
        if self.done or self.bad or self.exchange is None:
            self.keep = False
            return
        self.status = self.parser.get_status_code()
        if self.status == 101:
            self.switching = True
        elif 100 <= self.status < 200:
            self._interim(self.exchange)
        elif self.status < 100 or self.status > 599 or self._oversize():
            self.bad = True
        else:
            self.in_head, self.silent = False, 0
            self._head(self.exchange)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body, or begin to count instead of parsing when it is long."""
        if self.done or not self.started:
            self.keep = False
            return
        self.silent = 0
        if self.rechunk:
            self.out += (b"%x\r\n" % len(body), body, b"\r\n")
            return
        self.out.append(body)
        if self.ending is Ending.LENGTH:
            self.length -= len(body)
            if self.length > HIGH_WATER:
                self.raw = self.length

    def on_message_complete(self) -> None:
        """End the answer; an interim one is only the beginning of the next."""
        if self.done or not self.started:
            return
        self.done = True
        if self.rechunk:
            self.out.append(b"0\r\n\r\n")

    def _head(self, exchange: Exchange) -> None:
        answer = response_head.read(self.headers, exchange.origin, self.authority)
        self.keep = self.parser.should_keep_alive()
        lines = [status_line(self.status)]
        for name, value in answer.sendable():
            lines += (name, b": ", value, b"\r\n")
        if answer.html:
            lines.append(exchange.plane.framing)
        if exchange.method == b"HEAD" or self.status in (204, 304):
            self._without_body(exchange, answer, lines)
        elif answer.chunked or answer.length is None:
            self.ending = Ending.CHUNKED if answer.chunked else Ending.CLOSE
            self.rechunk = exchange.modern
            if self.rechunk:
                lines.append(b"Transfer-Encoding: chunked\r\n")
        else:
            self.ending, self.length = Ending.LENGTH, answer.length
            lines.append(b"Content-Length: %d\r\n" % answer.length)
        if not exchange.keep or (self.ending is not Ending.LENGTH and not exchange.modern):
            exchange.keep = False
            lines.append(b"Connection: close\r\n")
        lines.append(b"\r\n")
        self.out.append(b"".join(lines))
        self.started = True

    def _without_body(self, exchange: Exchange, answer: response_head.Answer, lines: list[bytes]) -> None:
        if answer.length is not None and self.status != 204:
            lines.append(b"Content-Length: %d\r\n" % answer.length)
        if exchange.method == b"HEAD":
            # The parser waits for the body that a GET would have; it cannot be told.
            self.done, self.keep = True, False

    def _interim(self, exchange: Exchange) -> None:
        self.interim += 1
        self.bad = self.interim > INTERIM_LIMIT
        if exchange.modern and self.status in (100, 103):
            answer = response_head.read(self.headers, exchange.origin, self.authority)
            lines = [status_line(self.status)]
            for name, value in answer.sendable():
                lines += (name, b": ", value, b"\r\n")
            self.out.append(b"".join([*lines, b"\r\n"]))
        self.headers = []

    def _oversize(self) -> bool:
        if self.fed <= self.head_limit:
            return False
        return sum(len(name) + len(value) + 4 for name, value in self.headers) > self.head_limit

    # What becomes of it.
    def _flush(self, exchange: Exchange) -> None:
        """Write what the parser found in one go, and see whether that was the end."""
        if self.out:
            exchange.started = exchange.started or self.started
            exchange.transport.write(b"".join(self.out) if len(self.out) > 1 else self.out[0])
            self.out = []
        if self.done:
            self._finish(exchange)
        elif self._misbehaves():
            self._fail(exchange)

    def _misbehaves(self) -> bool:
        """Find a 101 that did not switch, a status of no meaning, or something without an end."""
        endless = self.fed if self.in_head else self.silent
        return self.bad or self.switching or endless > self.head_limit

    def _relay_raw(self, exchange: Exchange, data: bytes) -> None:
        if len(data) <= self.raw:
            self.raw -= len(data)
            exchange.transport.write(data)
        else:
            exchange.transport.write(data[: self.raw])
            self.raw, self.keep = 0, False
        if not self.raw:
            self.parser = httptools.HttpResponseParser(self)
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        self.exchange = None
        if self.keep and exchange.complete and not exchange.upgrading and not self.transport.is_closing():
            self.resume()
            self.pool.release(self)
        else:
            self.transport.abort()
        exchange.answered()

    def _switch(self, exchange: Exchange, rest: bytes) -> None:
        if not self.switching or not exchange.upgrading:
            self._fail(exchange)
            return
        answer = response_head.read(self.headers, exchange.origin, self.authority)
        lines = [status_line(101), b"Connection: Upgrade\r\nUpgrade: websocket\r\n"]
        for name, value in answer.sendable():
            lines += (name, b": ", value, b"\r\n")
        self.exchange = None
        exchange.switched(self, b"".join([*self.out, *lines, b"\r\n", rest]))

    def _fail(self, exchange: Exchange) -> None:
        """Give up: the container broke the protocol, and nothing of this connection can be trusted."""
        self.drop()
        exchange.failed()
