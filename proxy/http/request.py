"""Validates a parsed request for the relay: the result is a `ProxyRequest`, or `RequestRefused` is raised."""

from __future__ import annotations

from proxy.config import ProxyOptions
from proxy.http import request_head, routing
from proxy.http.headers import Header, status_line
from proxy.http.request_head import RequestHead
from proxy.http.routing import HostHeader, HostParser, UnroutableError

# TRACE reflects headers, CONNECT opens tunnels, PRI begins HTTP/2, and SOURCE is an old method of Icecast.
REFUSED_METHODS = frozenset((b"TRACE", b"CONNECT", b"PRI", b"SOURCE"))
SAFE_METHODS = frozenset((b"GET", b"HEAD"))
IDEMPOTENT_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
ALLOW = (b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
HTTP_VERSIONS = frozenset(("1.0", "1.1"))
WEBSOCKET_VERSION = b"13"
FOREIGN_SITES = frozenset((b"same-site", b"cross-site"))

Credential = tuple[bytes | None, bytes | None]
"""An entry cookie and a platform token; one of them is None."""


class RequestRefused(Exception):
    """The proxy refuses the request and closes the connection."""

    def __init__(self, status: int, message: str, *extra: Header) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.extra = extra

    def to_bytes(self) -> bytes:
        """Return the whole response."""
        return text_response(self.status, self.message, (b"Connection", b"close"), *self.extra)


def text_response(status: int, message: str, *extra: Header) -> bytes:
    """Return a short plain-text response as bytes."""
    body = message.encode()
    lines = [
        status_line(status),
        b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: %d\r\n" % len(body),
        *(b"%b: %b\r\n" % header for header in extra),
        b"\r\n",
        body,
    ]
    return b"".join(lines)


class ProxyRequest:
    """One valid request: method, target, host and headers."""

    is_http11 = True
    keep_alive = True
    is_upgrade = False

    def __init__(
        self, method: bytes, target: bytes, all_headers: list[Header], head: RequestHead, host: HostHeader
    ) -> None:
        self.method = method
        self.target = target
        self.all_headers = all_headers
        self.head = head
        self.host = host

    @property
    def credential(self) -> Credential | None:
        """The platform token, or else the entry cookie."""
        if self.head.bearer is not None:
            return (None, self.head.bearer)
        return (self.head.cookie, None) if self.head.cookie else None

    @property
    def has_no_body(self) -> bool:
        """True if the request has no body."""
        return not self.head.is_chunked and not self.head.content_length

    @property
    def is_retryable(self) -> bool:
        """True if it may be sent again after a pooled connection turned out to be dead."""
        return self.method in IDEMPOTENT_METHODS and self.has_no_body

    @property
    def is_navigation(self) -> bool:
        """True if a browser opens a page; False for requests of scripts and programs."""
        if self.method not in SAFE_METHODS or self.is_upgrade or b"text/html" not in self.head.accept:
            return False
        return self.head.fetch_mode in (None, b"navigate")


class RequestParser:
    """Makes requests of what the HTTP parser found; one serves all connections of a proxy."""

    def __init__(self, options: ProxyOptions) -> None:
        self.cookie_name = options.cookie_name.encode()
        self.hosts = HostParser(options)

    def parse(
        self, method: bytes, target: bytes, version: str, headers: list[Header], *, keep_alive: bool, upgrade: bool
    ) -> ProxyRequest:
        """Return the request, or raise RequestRefused."""
        if method in REFUSED_METHODS:
            raise RequestRefused(405, f"{method.decode()} is not supported here.", ALLOW)
        if version not in HTTP_VERSIONS:
            raise RequestRefused(505, "Use HTTP/1.1.")
        head = request_head.parse(headers, self.cookie_name)
        if head.error is not None or head.host is None:
            raise RequestRefused(400, head.error or request_head.MISSING_HOST)
        try:
            host = self.hosts.parse(head.host)
            path = target if target.startswith(b"/") else routing.to_origin_form(target, host.name)
        except UnroutableError as error:
            raise RequestRefused(400, str(error)) from None
        request = ProxyRequest(method, path, headers, head, host)
        if version == "1.0":
            _apply_http10(request)
        elif not keep_alive:
            request.keep_alive = False
        if upgrade and head.upgrade == b"websocket":
            _apply_handshake(request)
        return request


def _apply_http10(request: ProxyRequest) -> None:
    if request.head.is_chunked:
        raise RequestRefused(400, "HTTP/1.0 has no chunked bodies; send a Content-Length or use HTTP/1.1.")
    request.is_http11 = request.keep_alive = False


def _apply_handshake(request: ProxyRequest) -> None:
    head = request.head
    if head.websocket_version != WEBSOCKET_VERSION:
        message = f"Use websocket version {WEBSOCKET_VERSION.decode()}."
        raise RequestRefused(426, message, (b"Sec-WebSocket-Version", WEBSOCKET_VERSION))
    if request.method != b"GET" or not request.has_no_body or head.websocket_key is None or not request.is_http11:
        raise RequestRefused(400, "Open a websocket with a GET without a body and with a Sec-WebSocket-Key.")
    request.is_upgrade, request.keep_alive = True, False


def is_cross_origin(request: ProxyRequest) -> bool:
    """Return whether a page of another origin made the request, or may have made it.

    Other sessions are of the same site, so `same-site` is refused too. A client that sends a platform
    token is no browser; only a foreign Origin header refutes that.
    """
    head, origin = request.head, request.host.origin
    if head.bearer is not None:
        return head.origin is not None and head.origin != origin
    if request.is_upgrade:
        # Browsers always send Origin with a handshake, and no other header protects it.
        return head.origin != origin
    if head.fetch_site in FOREIGN_SITES:
        # A link from another site may open a page here; forms, scripts and images may not.
        return request.method not in SAFE_METHODS or head.fetch_mode != b"navigate"
    # Older browsers send no Sec-Fetch headers; programs send neither these nor Origin.
    if head.fetch_site is None and request.method not in SAFE_METHODS:
        return head.origin is not None and head.origin != origin
    return False
