"""Parses the headers of a request: the facts that the proxy needs, and the headers that the container may see."""

import base64
import binascii
from collections.abc import Callable

from proxy.http.headers import (
    HOP_BY_HOP,
    TOKEN_PREFIX,
    HandlerCache,
    Header,
    MessageHead,
    drop,
    forward,
    is_platform_cookie,
    nominated_names,
)

# Programs behind proxies trust these headers, so only the proxy may set them.
IDENTITY = frozenset(
    (b"forwarded", b"x-real-ip", b"remote-user", b"x-remote-user", b"x-original-url", b"x-rewrite-url")
)
IDENTITY_PREFIXES = (b"x-forwarded-", b"x-carrel-", b"x-auth-request-")
FRAMING = frozenset((b"host", b"content-length", b"transfer-encoding"))
MISSING_HOST = "Send a Host header; a request needs exactly one."


class RequestHead(MessageHead):
    """The facts of a request's headers. Class attributes are the defaults: most requests set few of them."""

    host: bytes | None = None
    cookie: bytes | None = None
    bearer: bytes | None = None
    content_length = 0
    is_chunked = False
    upgrade: bytes | None = None
    websocket_key: bytes | None = None
    websocket_version: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None
    fetch_mode: bytes | None = None
    forwarded_for: bytes | None = None
    accept = b""
    error: str | None = None
    cookie_name: bytes


Handler = Callable[[RequestHead, Header], None]


def parse(headers: list[Header], cookie_name: bytes) -> RequestHead:
    """Parse a request's headers in one pass; `error` says why the request is not acceptable."""
    head = RequestHead()
    head.cookie_name = cookie_name
    for header in headers:
        _handlers[header[0]](head, header)
    if head.host is None and head.error is None:
        head.error = MISSING_HOST
    return head


def _host(head: RequestHead, header: Header) -> None:
    if head.host is not None:
        head.error = "Send one Host header; this request has several."
    head.host = header[1]
    head.forwarded.append(header)


def _cookie(head: RequestHead, header: Header) -> None:
    if b"carrel" not in header[1].lower():
        head.forwarded.append(header)
        return
    forwarded = []
    for part in header[1].split(b";"):
        name, _, value = part.partition(b"=")
        name = name.strip()
        if name == head.cookie_name:
            if head.cookie is not None:
                head.error = "The entry cookie was sent twice; clear the cookies of this site."
            head.cookie = value.strip()
        elif name and not is_platform_cookie(name):
            forwarded.append(part.strip())
    if forwarded:
        head.forwarded.append((header[0], b"; ".join(forwarded)))


def _connection(head: RequestHead, header: Header) -> None:
    # A client must not be able to remove the headers that delimit the message.
    head.nominated |= nominated_names(header[1]) - FRAMING


def _authorization(head: RequestHead, header: Header) -> None:
    # Authorization of other schemes belongs to the container's program and passes.
    scheme, _, text = header[1].strip().partition(b" ")
    text = text.strip()
    if text.startswith(TOKEN_PREFIX):
        head.bearer = text
    elif not scheme.startswith(TOKEN_PREFIX) and not (scheme.lower() == b"basic" and _contains_token(text)):
        head.forwarded.append(header)


def _contains_token(text: bytes) -> bool:
    try:
        return TOKEN_PREFIX in base64.b64decode(text)
    except binascii.Error:
        return False


def _content_length(head: RequestHead, header: Header) -> None:
    head.content_length = int(header[1])
    head.forwarded.append(header)


def _transfer_encoding(head: RequestHead, header: Header) -> None:
    if head.is_chunked or header[1].strip().lower() != b"chunked":
        head.error = "Send `Transfer-Encoding: chunked` once; no other transfer encoding is supported."
    head.is_chunked = True


def _upgrade(head: RequestHead, header: Header) -> None:
    # Several Upgrade headers make no websocket handshake.
    head.upgrade = header[1].strip().lower() if head.upgrade is None else b"several"


def _subprotocol(head: RequestHead, header: Header) -> None:
    if TOKEN_PREFIX in header[1]:
        words = [word.strip() for word in header[1].split(b",")]
        header = (header[0], b", ".join(word for word in words if not word.startswith(TOKEN_PREFIX)))
    if header[1]:
        head.forwarded.append(header)


def _store(attribute: str, *, once: bool = False, forwarded: bool = True) -> Handler:
    def store(head: RequestHead, header: Header) -> None:
        if once and getattr(head, attribute) is not None:
            head.error = f"Send one {header[0].decode('latin-1')} header; this request has several."
        setattr(head, attribute, header[1])
        if forwarded:
            head.forwarded.append(header)

    return store


HANDLERS: dict[bytes, Handler] = {
    b"host": _host,
    b"cookie": _cookie,
    b"connection": _connection,
    b"authorization": _authorization,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"upgrade": _upgrade,
    b"sec-websocket-protocol": _subprotocol,
    b"sec-websocket-key": _store("websocket_key", once=True),
    b"sec-websocket-version": _store("websocket_version", once=True),
    b"origin": _store("origin", once=True),
    b"sec-fetch-site": _store("fetch_site"),
    b"sec-fetch-mode": _store("fetch_mode"),
    b"accept": _store("accept"),
    b"x-forwarded-for": _store("forwarded_for", forwarded=False),
}


def _choose_handler(name: bytes) -> Handler:
    if name in HANDLERS:
        return HANDLERS[name]
    # Some servers read `X_Forwarded_For` as `X-Forwarded-For`: no underscore passes.
    if name in HOP_BY_HOP or name in IDENTITY or b"_" in name or name.startswith(IDENTITY_PREFIXES):
        return drop
    return forward


_handlers: HandlerCache[RequestHead] = HandlerCache(_choose_handler)
