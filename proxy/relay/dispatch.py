"""Decides how one request is answered: by a page, by a refusal, or by the session's container.

The client's connection makes one `Dispatch` for each request; it keeps no state of its own.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from core.web.redirects import PLATFORM_PATH
from proxy.access.activity import counts_as_activity
from proxy.access.sessions import NO_SESSION_HOST, SIGN_IN, ActiveSession, CachedDecision, Decision
from proxy.http import routing
from proxy.http.headers import without_tokens
from proxy.http.request import Credential, ProxyRequest, RequestRefused, is_cross_origin, text_response
from proxy.relay.exchange import ClientSide, Exchange
from proxy.relay.pool import Pool

CROSS_ORIGIN = RequestRefused(403, "Only the session's own pages may send this request.")
TOO_MANY = RequestRefused(
    503, "This session has too many open requests; close some and try again.", (b"Retry-After", b"5")
)
PLATFORM_PREFIX = PLATFORM_PATH.encode()


class DispatchClient(ClientSide, Protocol):
    """The client's connection as a dispatch uses it; it adds to what the exchange uses."""

    loop: asyncio.AbstractEventLoop

    def send_page(self, exchange: Exchange, request: ProxyRequest, cached: CachedDecision, /) -> None:
        """Let the pages' application answer."""

    def send_response(self, exchange: Exchange, response: bytes, /) -> None:
        """Send a complete response."""


class Dispatch:
    """Checks access for one request and chooses what responds."""

    __slots__ = ("client", "exchange", "request")

    def __init__(self, client: DispatchClient, exchange: Exchange, request: ProxyRequest) -> None:
        self.client = client
        self.exchange = exchange
        self.request = request

    def start(self) -> None:
        """Answer by a cached decision, or check access first."""
        request, client = self.request, self.client
        label, credential = request.host.label, request.credential
        if label is None or credential is None:
            client.send_page(self.exchange, request, SIGN_IN if label else NO_SESSION_HOST)
            return
        cached = client.state.admission.peek(label, credential, client.loop.time())
        if cached is not None:
            self._answer(cached)
        else:
            self.exchange.task = client.loop.create_task(self._check_access(label, credential))
            client.update_flow_control()

    async def _check_access(self, label: bytes, credential: Credential) -> None:
        cached = await self.client.state.admission.check_access(label, credential)
        self.exchange.task = None
        # The client may be gone, or its request refused, by now.
        if self.client.is_current(self.exchange) and not self.client.transport.is_closing():
            self._answer(cached)
            self.client.update_flow_control()

    def _answer(self, cached: CachedDecision) -> None:
        request, client = self.request, self.client
        if cached.decision is not Decision.ADMITTED:
            client.send_page(self.exchange, request, cached)
        elif is_cross_origin(request):
            client.refuse(CROSS_ORIGIN)
        elif request.target.startswith(PLATFORM_PREFIX):
            client.send_page(self.exchange, request, cached)
        elif routing.is_websocket_port_request(request.target):
            port = routing.external_port(request.host.name, client.state.options)
            client.send_response(self.exchange, text_response(200, port.decode()))
        else:
            self._forward(cached)

    def _forward(self, cached: CachedDecision) -> None:
        request, session, active = self.request, cached.session, cached.active
        if session is None or active is None:
            self.client.send_unreachable(self.exchange)
            return
        if self._is_full(active):
            self.client.refuse(TOO_MANY)
            return
        address, target = routing.route(session, request.target, is_websocket=request.is_upgrade)
        if address is None:
            self.client.send_unreachable(self.exchange)
            return
        active.requests += 1
        active.has_activity = active.has_activity or counts_as_activity(request)
        cached.used_at = self.client.loop.time()
        # The server gives admission a factory of this class; the access layer knows only how to close a pool.
        pool = cast("Pool", active.pool)
        self.exchange.forward(request, cached, pool, address, without_tokens(target))

    def _is_full(self, active: ActiveSession) -> bool:
        options = self.client.state.options
        if self.request.is_upgrade:
            return active.tunnels >= options.tunnels_per_session
        return active.requests >= options.requests_per_session
