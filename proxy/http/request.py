"""A request that the proxy understood, or the refusal of one that it did not."""

from __future__ import annotations

from proxy.config import Options
from proxy.http import headers, routing
from proxy.http.headers import Head, Header
from proxy.http.routing import Host, Hosts, UnroutableError

REFUSED_METHODS = frozenset((b"TRACE", b"CONNECT", b"PRI", b"SOURCE"))
SAFE_METHODS = frozenset((b"GET", b"HEAD"))
REPEATABLE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
ALLOWED = (b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
VERSIONS = frozenset(("1.0", "1.1"))
HOSTILE_SITES = frozenset((b"same-site", b"cross-site"))

Credential = tuple[bytes | None, bytes | None]


class Refusal(Exception):
    """The request is refused before anybody looks at a session."""

    def __init__(self, status: int, sentence: str, *extra: Header) -> None:
        """Answer `status` with a sentence, and close the connection."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.extra = extra

    def render(self) -> bytes:
        """Return the whole answer as bytes."""
        return plain(self.status, self.sentence, (b"Connection", b"close"), *self.extra)


def plain(status: int, sentence: str, *extra: Header) -> bytes:
    """Return a short text answer as bytes."""
    body = sentence.encode()
    lines = [
        headers.status_line(status),
        b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: %d\r\n" % len(body),
        *(b"%b: %b\r\n" % header for header in extra),
        b"\r\n",
        body,
    ]
    return b"".join(lines)


class Request:
    """One request: what was asked, of which session, by whom."""

    modern = True
    keep = True
    upgrading = False

    def __init__(self, method: bytes, target: bytes, all_headers: list[Header], head: Head, host: Host) -> None:
        self.method = method
        self.target = target
        self.all_headers = all_headers
        self.head = head
        self.host = host

    @property
    def credential(self) -> Credential | None:
        """The one thing that says who asks: a platform token, or else the entry cookie."""
        if self.head.bearer is not None:
            return (None, self.head.bearer)
        return (self.head.cookie, None) if self.head.cookie else None

    @property
    def bodiless(self) -> bool:
        """Tell whether the request comes without a body."""
        return not self.head.chunked and not self.head.length

    @property
    def repeatable(self) -> bool:
        """Tell whether it may be sent a second time when a kept connection turned out to be dead."""
        return self.method in REPEATABLE_METHODS and self.bodiless

    @property
    def navigates(self) -> bool:
        """Tell whether a person's browser opens a page, rather than a script or a program."""
        if self.method not in SAFE_METHODS or self.upgrading or b"text/html" not in self.head.accept:
            return False
        return self.head.fetch_mode in (None, b"navigate")


class Understanding:
    """What it takes to make a request of what a parser found."""

    def __init__(self, options: Options) -> None:
        self.cookie_name = options.cookie_name.encode()
        self.hosts = Hosts(options)

    def read(
        self, method: bytes, target: bytes, version: str, received: list[Header], *, keep: bool, upgrade: bool
    ) -> Request:
        """Return the request, or raise the refusal."""
        if method in REFUSED_METHODS:
            raise Refusal(405, f"{method.decode()} is not served here.", ALLOWED)
        if version not in VERSIONS:
            raise Refusal(505, "Use HTTP/1.1.")
        head = headers.read(received, self.cookie_name)
        if head.fault is not None or head.host is None:
            raise Refusal(400, head.fault or "A request needs a Host header.")
        try:
            host = self.hosts.read(head.host)
            path = target if target.startswith(b"/") else routing.origin_form(target, host.name)
        except UnroutableError as fault:
            raise Refusal(400, str(fault)) from None
        request = Request(method, path, received, head, host)
        if version == "1.0":
            _make_old(request)
        elif not keep:
            request.keep = False
        if upgrade and head.upgrade == b"websocket":
            _check_handshake(request)
        return request


def _make_old(request: Request) -> None:
    if request.head.chunked:
        raise Refusal(400, "HTTP/1.0 has no chunked bodies.")
    request.modern = request.keep = False


def _check_handshake(request: Request) -> None:
    head = request.head
    if head.version != b"13":
        raise Refusal(426, "Websockets are spoken in version 13.", (b"Sec-WebSocket-Version", b"13"))
    if request.method != b"GET" or not request.bodiless or head.key is None or not request.modern:
        raise Refusal(400, "A websocket begins with a GET without a body, and with a Sec-WebSocket-Key.")
    request.upgrading, request.keep = True, False


def foreign(request: Request) -> bool:
    """Tell whether a page of another origin made the request, or may have made it.

    Sibling sessions are of the same site, so `same-site` is hostile too. A client that shows a
    platform token itself is no browser and is believed.
    """
    head, origin = request.head, request.host.origin
    if head.bearer is not None:
        return head.origin is not None and head.origin != origin
    if request.upgrading:
        return head.origin != origin
    if head.fetch_site in HOSTILE_SITES:
        return request.method not in SAFE_METHODS or head.fetch_mode != b"navigate"
    if head.fetch_site is None and request.method not in SAFE_METHODS:
        return head.origin is not None and head.origin != origin
    return False
