"""Parses the headers of a container's response: the framing of its body, and the headers that the browser may see."""

from collections.abc import Callable
from enum import Enum

from proxy.http.headers import (
    HOP_BY_HOP,
    HandlerCache,
    Header,
    MessageHead,
    drop,
    forward,
    is_platform_cookie,
    nominated_names,
    status_line,
)

UNWANTED = frozenset(
    (
        b"x-sendfile",
        b"x-reproxy-url",
        b"strict-transport-security",
        b"clear-site-data",
        b"alt-svc",
        b"nel",
        b"report-to",
        b"reporting-endpoints",
        b"public-key-pins",
        b"public-key-pins-report-only",
        b"upgrade",
        b"transfer-encoding",
    )
)
UNWANTED_PREFIXES = (b"x-accel-", b"access-control-allow-credentials")


class BodyFraming(Enum):
    """How the end of a response's body is known."""

    NONE = "no body"
    LENGTH = "Content-Length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "end of the connection"


class ResponseHead(MessageHead):
    """The facts of a response's headers; `origin` is the session's, `authority` the container's address."""

    origin: bytes
    authority: bytes
    content_length: int | None = None
    is_chunked = False
    is_html = False

    def framing(self, status: int, method: bytes) -> BodyFraming:
        """Return how the body of a response with this status, to a request with this method, ends."""
        if method == b"HEAD" or status in (204, 304):
            return BodyFraming.NONE
        if self.is_chunked:
            return BodyFraming.CHUNKED
        return BodyFraming.UNTIL_CLOSE if self.content_length is None else BodyFraming.LENGTH

    def to_bytes(self, status: int, *extra: bytes) -> bytes:
        """Return the head for the browser, with extra lines at its end."""
        lines = [status_line(status)]
        self.write_to(lines)
        lines += extra
        lines.append(b"\r\n")
        return b"".join(lines)


Handler = Callable[[ResponseHead, Header], None]


def parse(headers: list[Header], origin: bytes, authority: bytes) -> ResponseHead:
    """Parse a response's headers in one pass."""
    head = ResponseHead()
    head.origin, head.authority = origin, authority
    for header in headers:
        _handlers[header[0]](head, header)
    return head


def _connection(head: ResponseHead, header: Header) -> None:
    head.nominated |= nominated_names(header[1])


def _content_length(head: ResponseHead, header: Header) -> None:
    head.content_length = int(header[1])


def _transfer_encoding(head: ResponseHead, _: Header) -> None:
    head.is_chunked = True


def _content_type(head: ResponseHead, header: Header) -> None:
    head.is_html = header[1].lower().startswith((b"text/html", b"application/xhtml"))
    head.forwarded.append(header)


def _set_cookie(head: ResponseHead, header: Header) -> None:
    pair, *attributes = header[1].split(b";")
    # A cookie with a Domain would be sent to the hosts of other sessions.
    has_domain = any(attribute.partition(b"=")[0].strip().lower() == b"domain" for attribute in attributes)
    if not has_domain and not is_platform_cookie(pair.partition(b"=")[0]):
        head.forwarded.append(header)


def _location(head: ResponseHead, header: Header) -> None:
    scheme, mark, rest = header[1].partition(b"://")
    authority, slash, path = rest.partition(b"/")
    if mark and scheme.lower() in (b"http", b"https") and authority == head.authority:
        header = (header[0], head.origin + slash + path)
    head.forwarded.append(header)


def _allow_origin(head: ResponseHead, header: Header) -> None:
    # Only the session's own pages may read its responses.
    if header[1].strip() == head.origin:
        head.forwarded.append(header)


HANDLERS: dict[bytes, Handler] = {
    b"connection": _connection,
    b"content-type": _content_type,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"set-cookie": _set_cookie,
    b"location": _location,
    b"content-location": _location,
    b"access-control-allow-origin": _allow_origin,
}


def _choose_handler(name: bytes) -> Handler:
    if name in HANDLERS:
        return HANDLERS[name]
    if name in HOP_BY_HOP or name in UNWANTED or name.startswith(UNWANTED_PREFIXES):
        return drop
    return forward


_handlers: HandlerCache[ResponseHead] = HandlerCache(_choose_handler)
