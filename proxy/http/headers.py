"""The head of a request: what the proxy learns from it, and what of it goes on to the container."""

import base64
import binascii
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Header = tuple[bytes, bytes]

HOP_BY_HOP = frozenset(
    (
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"trailers",
        b"http2-settings",
    )
)
IDENTITY = frozenset(
    (b"forwarded", b"x-real-ip", b"remote-user", b"x-remote-user", b"x-original-url", b"x-rewrite-url")
)
IDENTITY_PREFIXES = (b"x-forwarded-", b"x-carrel-", b"x-auth-request-")
FRAMING = frozenset((b"host", b"content-length", b"transfer-encoding"))
CONNECTION_WORDS = frozenset((b"close", b"keep-alive", b"upgrade", b""))
TOKEN_PREFIX = b"carrel_"
MEMORY, MEMORABLE = 4096, 64


class Head:
    """What one pass over the headers finds; `out` is what the container may see, in the order it came.

    What a request does not say stays with the class: most requests say little.
    """

    host: bytes | None = None
    cookie: bytes | None = None
    bearer: bytes | None = None
    length = 0
    chunked = False
    upgrade: bytes | None = None
    key: bytes | None = None
    version: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None
    fetch_mode: bytes | None = None
    forwarded_for: bytes | None = None
    accept = b""
    nominated: frozenset[bytes] = frozenset()
    fault: str | None = None

    def __init__(self, cookie_name: bytes) -> None:
        self.cookie_name = cookie_name
        self.out: list[Header] = []

    def sendable(self) -> list[Header]:
        """Return the headers for the container, without those the client nominated for this hop only."""
        if not self.nominated:
            return self.out
        return [header for header in self.out if header[0].lower() not in self.nominated]


Reader = Callable[[Head, Header], None]


def read(headers: list[Header], cookie_name: bytes) -> Head:
    """Read a request's headers once; `fault` says what makes the request unacceptable."""
    head = Head(cookie_name)
    for header in headers:
        reader = _known.get(header[0]) or _remember(header[0])
        reader(head, header)
    if head.host is None and head.fault is None:
        head.fault = "A request needs a Host header."
    return head


def reserved(name: bytes) -> bool:
    """Tell whether this names a cookie of the platform, which no container reads or sets."""
    bare = name.strip().lower().removeprefix(b"__host-").removeprefix(b"__secure-")
    return bare.startswith(b"carrel")


def without_tokens(target: bytes) -> bytes:
    """Return the target without query parameters that carry a platform token; otherwise untouched."""
    if TOKEN_PREFIX not in target:
        return target
    path, mark, query = target.partition(b"?")
    kept = [part for part in query.split(b"&") if not part.partition(b"=")[2].startswith(TOKEN_PREFIX)]
    return path + mark + b"&".join(kept) if kept else path


def status_line(status: int) -> bytes:
    """Return the first line of an answer."""
    return STATUS_LINE[status]


def _keep(head: Head, header: Header) -> None:
    head.out.append(header)


def _drop(_head: Head, _header: Header) -> None:
    pass


def _host(head: Head, header: Header) -> None:
    if head.host is not None:
        head.fault = "A request has one Host header, not two."
    head.host = header[1]
    head.out.append(header)


def _cookie(head: Head, header: Header) -> None:
    if b"carrel" not in header[1].lower():
        head.out.append(header)
        return
    kept = []
    for part in header[1].split(b";"):
        name, _, value = part.partition(b"=")
        name = name.strip()
        if name == head.cookie_name:
            if head.cookie is not None:
                head.fault = "The entry cookie came twice; clear the cookies of this site."
            head.cookie = value.strip()
        elif name and not reserved(name):
            kept.append(part.strip())
    if kept:
        head.out.append((header[0], b"; ".join(kept)))


def _connection(head: Head, header: Header) -> None:
    words = frozenset(word.strip() for word in header[1].lower().split(b","))
    head.nominated |= words - CONNECTION_WORDS - FRAMING


def _authorization(head: Head, header: Header) -> None:
    scheme, _, text = header[1].strip().partition(b" ")
    text = text.strip()
    if text.startswith(TOKEN_PREFIX):
        head.bearer = text
    elif not scheme.startswith(TOKEN_PREFIX) and not (scheme.lower() == b"basic" and _hides_token(text)):
        head.out.append(header)


def _hides_token(text: bytes) -> bool:
    try:
        return TOKEN_PREFIX in base64.b64decode(text)
    except binascii.Error:
        return False


def _content_length(head: Head, header: Header) -> None:
    head.length = int(header[1])
    head.out.append(header)


def _transfer_encoding(head: Head, header: Header) -> None:
    if head.chunked or header[1].strip().lower() != b"chunked":
        head.fault = "The only transfer encoding understood here is chunked, once."
    head.chunked = True


def _upgrade(head: Head, header: Header) -> None:
    head.upgrade = header[1].strip().lower() if head.upgrade is None else b"several"


def _subprotocol(head: Head, header: Header) -> None:
    if TOKEN_PREFIX in header[1]:
        words = [word.strip() for word in header[1].split(b",")]
        header = (header[0], b", ".join(word for word in words if not word.startswith(TOKEN_PREFIX)))
    if header[1]:
        head.out.append(header)


def _noting(attribute: str, *, once: bool = False, keep: bool = True) -> Reader:
    def note(head: Head, header: Header) -> None:
        if once and getattr(head, attribute) is not None:
            head.fault = f"A request has one {header[0].decode('latin-1')} header, not two."
        setattr(head, attribute, header[1])
        if keep:
            head.out.append(header)

    return note


READERS: dict[bytes, Reader] = {
    b"host": _host,
    b"cookie": _cookie,
    b"connection": _connection,
    b"authorization": _authorization,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"upgrade": _upgrade,
    b"sec-websocket-protocol": _subprotocol,
    b"sec-websocket-key": _noting("key", once=True),
    b"sec-websocket-version": _noting("version", once=True),
    b"origin": _noting("origin", once=True),
    b"sec-fetch-site": _noting("fetch_site"),
    b"sec-fetch-mode": _noting("fetch_mode"),
    b"accept": _noting("accept"),
    b"x-forwarded-for": _noting("forwarded_for", keep=False),
}

_known: dict[bytes, Reader] = {}


def _remember(name: bytes) -> Reader:
    """Choose the reader for a header name as it was spelled; a bounded memory spares the choice next time."""
    reader = _reader(name.lower())
    if len(_known) >= MEMORY:
        _known.clear()
    if len(name) <= MEMORABLE:
        _known[name] = reader
    return reader


def _reader(name: bytes) -> Reader:
    if name in READERS:
        return READERS[name]
    if name in HOP_BY_HOP or name in IDENTITY or b"_" in name or name.startswith(IDENTITY_PREFIXES):
        return _drop
    return _keep
