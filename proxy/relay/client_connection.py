"""The protocol that clients speak to the proxy: sessions are answered here, the rest by Starlette."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import unquote_to_bytes

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from proxy.access.activity import works
from proxy.access.admission import NOBODY, Pass, Verdict
from proxy.http import routing
from proxy.http.headers import without_tokens
from proxy.http.request import Credential, Refusal, Request, foreign, plain
from proxy.pages.context import Visit
from proxy.relay.exchange import Exchange
from proxy.relay.request_reader import MALFORMED, RequestReader
from proxy.relay.tunnel import Tunnel
from proxy.relay.upstream import Upstream

FOREIGN = Refusal(403, "Only the session's own pages may ask this.")
CROWDED = Refusal(503, "This session has too many open requests; close some.", (b"Retry-After", b"5"))
NOWHERE = Pass(Verdict.ELSEWHERE)
SLOW_CLIENT = Refusal(408, "The request did not arrive in time.")
SLOW_CONTAINER = Refusal(504, "The session did not answer in time.")


class SessionProtocol(RequestReader):
    """One client connection, as far as answering goes."""

    origin_lines: bytes | None = None

    def _exchange(self, request: Request | None, refusal: Refusal | None = None) -> Exchange:
        return Exchange(self, request, refusal)

    def _start(self, exchange: Exchange) -> None:
        exchange.moved = self.plane.now
        self.plane.counts.requests += 1
        request = exchange.request
        if exchange.refusal is not None or request is None:
            self.refuse(exchange.refusal or MALFORMED)
            return
        label, credential = request.host.label, request.credential
        if label is None or credential is None:
            self._page(exchange, request, NOBODY if label else NOWHERE)
            return
        known = self.plane.admission.known(label, credential, self.loop.time())
        if known is not None:
            self._decided(exchange, request, known)
        else:
            exchange.task = self.loop.create_task(self._ask(exchange, request, label, credential))
            self.gate()

    async def _ask(self, exchange: Exchange, request: Request, label: bytes, credential: Credential) -> None:
        admitted = await self.plane.admission.admit(label, credential)
        exchange.task = None
        if self.current is exchange and not self.transport.is_closing():
            self._decided(exchange, request, admitted)
            self.gate()

    def _decided(self, exchange: Exchange, request: Request, admitted: Pass) -> None:
        """Do what the verdict says."""
        if admitted.verdict is not Verdict.ADMITTED:
            self._page(exchange, request, admitted)
        elif foreign(request):
            self.refuse(FOREIGN)
        elif request.target.startswith(routing.OURS):
            self._page(exchange, request, admitted)
        elif routing.asks_websocket_port(request.target):
            self.transport.write(plain(200, routing.outside_port(request.host.name, self.plane.options).decode()))
            self.finished(exchange)
        else:
            self._forward(exchange, request, admitted)

    def _forward(self, exchange: Exchange, request: Request, admitted: Pass) -> None:
        desk, line, options = admitted.desk, admitted.line, self.plane.options
        if desk is None or line is None:
            self.unreachable(exchange)
            return
        crowd, limit = line.requests, options.requests_per_session
        if request.upgrading:
            crowd, limit = line.tunnels, options.tunnels_per_session
        if crowd >= limit:
            self.refuse(CROWDED)
            return
        address, target = routing.destination(desk, request.target, websocket=request.upgrading)
        if address is None:
            self.unreachable(exchange)
            return
        line.requests += 1
        line.worked = line.worked or works(request)
        admitted.used_at = self.loop.time()
        exchange.forward(request, admitted, line.pool, address, without_tokens(target))

    def forwarded(self, told: bytes | None) -> bytes:
        """Return the lines that tell the container who asks, up to the host; a trusted front is believed."""
        if self.origin_lines is None:
            scheme = self.plane.options.scheme.encode()
            self.origin_lines = b"%b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: " % (self.address.encode(), scheme)
        before = told + b", " if told is not None and self.trusted else b""
        return b"X-Forwarded-For: " + before + self.origin_lines

    # The client is slow to read: the container waits.
    def pause_writing(self) -> None:
        """Let whoever writes the answer wait."""
        self.flow.pause_writing()
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.pause()

    def resume_writing(self) -> None:
        """Let whoever writes the answer go on."""
        self.flow.resume_writing()
        if self.current is not None and self.current.upstream is not None:
            self.current.upstream.resume()

    # How an exchange ends.
    def finished(self, exchange: Exchange) -> None:
        """Take the next request, or close, for the answer is written."""
        if self.current is not exchange:
            return
        self.current = None
        if self.transport.is_closing():
            return
        self.since = self.plane.now
        if not exchange.complete:
            self._linger()
        elif not exchange.keep:
            self.transport.close()
        elif self.waiting or self.flow.read_paused:
            self._pump()
            self.gate()

    def refuse(self, refusal: Refusal) -> None:
        """Say one sentence and close."""
        self.plane.counts.refused += 1
        self.deaf = True
        self.incoming = None
        self.current = None
        self.waiting.clear()
        if self.cycle is not None:
            self.cycle.disconnected = True  # A page that is being written comes too late.
        if not self.transport.is_closing():
            self.transport.write(refusal.render())
            self._linger()

    def _linger(self) -> None:
        """Close our side and let the client finish: a reset would take the answer away from it."""
        self.deaf = self.lingering = True
        self.since = self.plane.now
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def unreachable(self, exchange: Exchange) -> None:
        """Say that the container gave no answer."""
        request = exchange.request
        if request is not None and self.current is exchange and not self.transport.is_closing():
            self._page(exchange, request, Pass(Verdict.UNREACHABLE))

    def tunnel(self, exchange: Exchange, upstream: Upstream, opening: bytes, admitted: Pass) -> None:
        """Hand both connections over to a tunnel; uvicorn's shutdown no longer waits for this one."""
        if self.transport.is_closing():
            upstream.drop()
            return
        self.connections.discard(self)
        self.current = None
        upstream.pool.discard(upstream)
        tunnel = Tunnel(self.transport, upstream.transport)
        self.plane.opened(tunnel, admitted)
        self.transport.write(opening)
        for part in exchange.early:
            upstream.transport.write(part)
        self.flow.resume_reading()
        upstream.resume()
        tunnel.join(partial(self.plane.ended, tunnel, admitted, self.address))

    # Time.
    def expire(self, now: float) -> None:
        """Close what has been slow for too long; called at every sweep."""
        options, current, waited = self.plane.options, self.current, now - self.since
        if self.lingering:
            if waited > options.linger_timeout:
                self.transport.abort()
        elif current is not None:
            if now - current.moved > options.idle_timeout:
                self._stalled(current)
        elif self.in_head and (self.url or self.headers):
            if waited > options.head_timeout:
                self.refuse(SLOW_CLIENT)
        elif waited > (options.head_timeout if self.in_head else options.keep_alive_timeout):
            self.transport.close()

    def _stalled(self, exchange: Exchange) -> None:
        started, complete, page = exchange.started, exchange.complete, exchange.upstream is None
        if started or page:
            self.transport.abort()
            return
        exchange.lost()
        self.refuse(SLOW_CONTAINER if complete else SLOW_CLIENT)

    def shutdown(self) -> None:
        """Finish what is being answered, then close."""
        if self.current is None:
            self.transport.close()
        else:
            self.waiting.clear()
            self.current.keep = False

    # What is not data.
    def _page(self, exchange: Exchange, request: Request, admitted: Pass) -> None:
        """Let Starlette answer; what it serves needs no request body."""
        self.plane.counts.pages += 1
        path, _, query = request.target.partition(b"?")
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1" if request.modern else "1.0",
            "server": self.server,
            "client": self.client,
            "scheme": self.plane.options.scheme,
            "method": request.method.decode(),
            "root_path": "",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, value in request.all_headers],
            "state": {**self.app_state, "visit": Visit.of(request, admitted)},
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
            keep_alive=exchange.keep or not exchange.complete,
            on_response=partial(self.finished, exchange),
        )
        self.cycle.more_body = False
        self._start_asgi_task(self.cycle, self.app)
