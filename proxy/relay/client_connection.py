"""The protocol of client connections: relays to sessions' containers and lets Starlette answer with pages.

The server makes one for each connection, in place of uvicorn's http protocol.
"""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import unquote_to_bytes

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from proxy.access.sessions import CachedDecision, Decision
from proxy.http.request import ProxyRequest, RequestRefused
from proxy.pages.context import PageContext
from proxy.relay.dispatch import Dispatch
from proxy.relay.exchange import Exchange
from proxy.relay.request_reader import MALFORMED, RequestReader
from proxy.relay.tunnel import Tunnel
from proxy.relay.upstream import Upstream

SLOW_CLIENT = RequestRefused(408, "The request did not arrive in time.")
SLOW_CONTAINER = RequestRefused(504, "The session did not answer in time.")


class ClientConnection(RequestReader):
    """The answering half of a client's connection."""

    own_origin_lines: bytes | None = None

    def _make_exchange(self, request: ProxyRequest | None, refusal: RequestRefused | None = None) -> Exchange:
        return Exchange(self, request, refusal)

    def _start(self, exchange: Exchange) -> None:
        exchange.last_progress_at = self.state.now
        self.state.counters.requests += 1
        request = exchange.request
        if exchange.refusal is not None or request is None:
            self.refuse(exchange.refusal or MALFORMED)
        else:
            Dispatch(self, exchange, request).start()

    # Called by the exchange and its dispatch.
    @property
    def is_write_paused(self) -> bool:
        """Whether the client is slow to read."""
        return self.flow.write_paused

    def is_current(self, exchange: Exchange, /) -> bool:
        """Return whether the exchange is the one that is being answered."""
        return self.current is exchange

    def forwarded_header_lines(self, forwarded_for: bytes | None, /) -> bytes:
        """Return the X-Forwarded lines up to the host's value; a trusted front proxy's addresses are kept."""
        if self.own_origin_lines is None:
            scheme, address = self.state.options.scheme.encode(), self.address.encode()
            self.own_origin_lines = b"%b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: " % (address, scheme)
        before = forwarded_for + b", " if forwarded_for is not None and self.is_trusted_peer else b""
        return b"X-Forwarded-For: " + before + self.own_origin_lines

    def send_response(self, exchange: Exchange, response: bytes, /) -> None:
        """Send a complete response."""
        self.transport.write(response)
        self.exchange_finished(exchange)

    def exchange_finished(self, exchange: Exchange, /) -> None:
        """Take the next request, or close: the response is written."""
        if self.current is not exchange:
            return
        self.current = None
        if self.transport.is_closing():
            return
        self.waiting_since = self.state.now
        if not exchange.is_request_complete:
            self._linger()
        elif not exchange.keep_alive:
            self.transport.close()
        elif self.pipelined or self.flow.read_paused:
            self._start_pipelined()
            self.update_flow_control()

    def refuse(self, refusal: RequestRefused, /) -> None:
        """Send a refusal and close."""
        self.state.counters.refused += 1
        self.ignores_input = True
        self.incoming = None
        self.current = None
        self.pipelined.clear()
        if self.cycle is not None:
            self.cycle.disconnected = True  # A page that is being written must not follow the refusal.
        if not self.transport.is_closing():
            self.transport.write(refusal.to_bytes())
            self._linger()

    def _linger(self) -> None:
        """Close the write side and let the client finish: a reset would discard the response on its way."""
        self.ignores_input = self.is_lingering = True
        self.waiting_since = self.state.now
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def send_unreachable(self, exchange: Exchange, /) -> None:
        """Send the page that says that the container gave no valid response."""
        request = exchange.request
        if request is not None and self.current is exchange and not self.transport.is_closing():
            self.send_page(exchange, request, CachedDecision(Decision.UNREACHABLE))

    def open_tunnel(self, exchange: Exchange, upstream: Upstream, response: bytes, cached: CachedDecision, /) -> None:
        """Hand both transports to a tunnel."""
        if self.transport.is_closing():
            upstream.drop()
            return
        self.connections.discard(self)  # uvicorn's shutdown must not wait for an open websocket.
        self.current = None
        container = upstream.detach()
        tunnel = Tunnel(self.transport, container)
        self.state.tunnel_opened(tunnel, cached)
        self.transport.write(response)
        for part in exchange.buffered_body:
            container.write(part)
        self.flow.resume_reading()
        upstream.resume()
        tunnel.join(partial(self.state.tunnel_closed, tunnel, cached, self.address))

    # Called by the transport: the client is slow to read, so the container waits.
    def pause_writing(self) -> None:
        """Pause the page or the container that writes the response."""
        self.flow.pause_writing()
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.pause()

    def resume_writing(self) -> None:
        """Resume the page or the container that writes the response."""
        self.flow.resume_writing()
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.resume()

    # Called by the server.
    def expire(self, now: float) -> None:
        """Close what has been slow for too long; called at every sweep."""
        options, current, waited = self.state.options, self.current, now - self.waiting_since
        if self.is_lingering:
            if waited > options.linger_timeout:
                self.transport.abort()
        elif current is not None:
            if now - current.last_progress_at > options.idle_timeout:
                self._expire_exchange(current)
        elif self.in_head and (self.url or self.headers):
            if waited > options.head_timeout:
                self.refuse(SLOW_CLIENT)
        # No 408 for a connection that never sent a byte of a head.
        elif waited > (options.head_timeout if self.in_head else options.keep_alive_timeout):
            self.transport.close()

    def _expire_exchange(self, exchange: Exchange) -> None:
        is_page = exchange.upstream is None
        if exchange.has_response_started or is_page:
            self.transport.abort()
            return
        exchange.cancel()
        self.refuse(SLOW_CONTAINER if exchange.is_request_complete else SLOW_CLIENT)

    def shutdown(self) -> None:
        """Finish the current response, then close."""
        if self.current is None:
            self.transport.close()
        else:
            self.pipelined.clear()
            self.current.keep_alive = False

    def send_page(self, exchange: Exchange, request: ProxyRequest, cached: CachedDecision, /) -> None:
        """Let Starlette answer; its pages need no request body."""
        self.state.counters.pages += 1
        path, _, query = request.target.partition(b"?")
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1" if request.is_http11 else "1.0",
            "server": self.server,
            "client": self.client,
            "scheme": self.state.options.scheme,
            "method": request.method.decode(),
            "root_path": "",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in request.all_headers],
            "state": {**self.app_state, "page": PageContext.from_request(request, cached)},
        }
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=exchange.keep_alive or not exchange.is_request_complete,
            on_response=partial(self.exchange_finished, exchange),
        )
        self.cycle.more_body = False
        self._start_asgi_task(self.cycle, self.app)
