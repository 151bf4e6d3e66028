"""One connection to a container. It carries one exchange at a time and is pooled while both sides follow the protocol.

The pool opens it, an exchange uses it; both are known to it only by the protocols declared here.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from proxy.constants import HIGH_WATER, LAST_CHUNK
from proxy.directory import Address
from proxy.http.request import ProxyRequest
from proxy.http.response_head import BodyFraming
from proxy.relay.response_reader import ResponseReader


class ResponseSink(Protocol):
    """The exchange as its upstream uses it: the receiver of the response."""

    @property
    def keep_alive(self) -> bool:
        """Whether the client's connection stays open after the response."""

    @property
    def is_request_complete(self) -> bool:
        """Whether the whole request was read."""

    def note_progress(self) -> None:
        """Note that bytes came from the container."""

    def write_response(self, data: bytes, *, final: bool) -> None:
        """Write bytes to the client; `final` once they belong to the final response, not to an interim one."""

    def response_finished(self) -> None:
        """Note that the whole response is written."""

    def upstream_lost(self, *, response_started: bool, has_received: bool) -> None:
        """Handle the loss of the connection before the response was complete."""

    def upstream_failed(self) -> None:
        """Handle a container that broke the protocol."""

    def pause_client(self, *, paused: bool) -> None:
        """Stop or resume reading the client, as the container takes the request's body."""

    def upgraded(self, upstream: Upstream, response: bytes) -> None:
        """Make a tunnel: the container accepted the websocket with this response."""


class UpstreamOwner(Protocol):
    """The pool as its upstreams use it."""

    def release(self, upstream: Upstream, /) -> None:
        """Take the connection back for the next request."""

    def discard(self, upstream: Upstream, /) -> None:
        """Forget the connection."""


class Upstream(ResponseReader, asyncio.Protocol):
    """A connection to one port of one session's container; it never serves another session."""

    transport: asyncio.Transport

    def __init__(self, owner: UpstreamOwner, address: Address, head_limit: int, frame_header: bytes) -> None:
        super().__init__(b"%b:%d" % (address[0].encode(), address[1]), head_limit, frame_header)
        self.owner = owner
        self.address = address
        self.sink: ResponseSink | None = None
        self.is_reading = True
        self.idle_since = 0.0

    def begin(self, sink: ResponseSink, request: ProxyRequest, request_head: bytes) -> None:
        """Send a request's head. Its body follows by `send`; its response goes to the sink."""
        self.sink = sink
        self.begin_response(request)
        self.transport.write(request_head)

    def send(self, data: bytes) -> None:
        """Send bytes of the request's body."""
        self.transport.write(data)

    # Called by the transport.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Relay bytes of the response; unsolicited bytes end the connection."""
        sink = self.sink
        if sink is None:
            self.transport.abort()
            return
        sink.note_progress()
        if self.passthrough_left:
            self._pass_through(sink, data)
            return
        try:
            self.feed(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(sink, data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self.keep_alive = False
            # Bytes after a complete response are the next one's fault: this one stands.
            if not self.is_done:
                self._fail(sink)
                return
        self._flush(sink)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the pool. A body that ends with the connection is complete; any other is broken."""
        self.owner.discard(self)
        sink, self.sink = self.sink, None
        if sink is None:
            return
        if self.has_started and self.framing is BodyFraming.UNTIL_CLOSE and exc is None:
            if self.adds_chunks:
                sink.write_response(LAST_CHUNK, final=True)
            sink.response_finished()
        else:
            sink.upstream_lost(response_started=self.has_started, has_received=self.head_bytes > 0)

    def pause_writing(self) -> None:
        """Stop reading the client: the container is slow to read."""
        if self.sink is not None:
            self.sink.pause_client(paused=True)

    def resume_writing(self) -> None:
        """Resume reading the client."""
        if self.sink is not None:
            self.sink.pause_client(paused=False)

    # Called by the exchange and the client's connection.
    def pause(self) -> None:
        """Stop reading the container: the client is slow to read."""
        if self.is_reading and not self.transport.is_closing():
            self.is_reading = False
            self.transport.pause_reading()

    def resume(self) -> None:
        """Resume reading the container."""
        if not self.is_reading and not self.transport.is_closing():
            self.is_reading = True
            self.transport.resume_reading()

    def drop(self) -> None:
        """Close at once and forget the exchange."""
        self.sink = None
        self.transport.abort()

    def detach(self) -> asyncio.Transport:
        """Leave the pool and give the transport away, for a tunnel."""
        self.owner.discard(self)
        return self.transport

    def _flush(self, sink: ResponseSink) -> None:
        """Write all that the parser found at once, and end the exchange if that was all."""
        output = self.output
        if output:
            sink.write_response(b"".join(output) if len(output) > 1 else output[0], final=self.has_started)
            self.output = []
        if self.is_done:
            self._finish(sink)
        elif self.breaks_protocol():
            self._fail(sink)

    def _pass_through(self, sink: ResponseSink, data: bytes) -> None:
        if len(data) > self.passthrough_left:
            data = data[: self.passthrough_left]
            self.keep_alive = False
        sink.write_response(data, final=True)
        self.skip(len(data))
        if self.is_done:
            self._finish(sink)

    def _client_stays(self) -> bool:
        return self.sink is not None and self.sink.keep_alive

    def _finish(self, sink: ResponseSink) -> None:
        self.sink = None
        is_reusable = self.keep_alive and sink.is_request_complete and not self.request.is_upgrade
        if is_reusable and not self.transport.is_closing():
            self.resume()
            self.owner.release(self)
        else:
            self.transport.abort()
        sink.response_finished()

    def _upgrade(self, sink: ResponseSink, rest: bytes) -> None:
        if not self.is_upgrade or not self.request.is_upgrade:
            self._fail(sink)
            return
        response = self.parse_head().to_bytes(101, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
        self.sink = None
        sink.upgraded(self, b"".join([*self.output, response, rest]))

    def _fail(self, sink: ResponseSink) -> None:
        # Nothing on a connection that broke the protocol can be trusted.
        self.drop()
        sink.upstream_failed()
