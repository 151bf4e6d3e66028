"""Rules for header fields that request and response heads share, and the lookup of a field's handler."""

from collections.abc import Callable
from typing import TypeVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Header = tuple[bytes, bytes]

# RFC 9110, section 7.6.1; http2-settings belongs to the h2c upgrade, which the proxy does not make.
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
CONNECTION_OPTIONS = frozenset((b"close", b"keep-alive", b"upgrade", b""))
"""Words of a Connection header that name no header field."""
TOKEN_PREFIX = b"carrel_"
# Names come from clients: neither their number nor their length may grow the cache without bound.
HANDLER_CACHE_SIZE = 4096
MAX_CACHED_NAME_LENGTH = 64


class MessageHead:
    """The head of one message; `forwarded` has the headers that may pass, in the order in which they came."""

    nominated: frozenset[bytes] = frozenset()
    """Names from the Connection header: these headers are for this hop only."""

    def __init__(self) -> None:
        self.forwarded: list[Header] = []

    def write_to(self, lines: list[bytes]) -> None:
        """Append the header lines for the other side."""
        nominated = self.nominated
        for name, value in self.forwarded:
            if not nominated or name.lower() not in nominated:
                lines += (name, b": ", value, b"\r\n")


H = TypeVar("H", bound=MessageHead)


class HandlerCache(dict[bytes, Callable[[H, Header], None]]):
    """The handler of a header name as it was spelled. It is chosen once per spelling, and the cache is bounded."""

    def __init__(self, choose: Callable[[bytes], Callable[[H, Header], None]]) -> None:
        super().__init__()
        self._choose = choose

    def __missing__(self, name: bytes) -> Callable[[H, Header], None]:
        handler = self._choose(name.lower())
        if len(self) >= HANDLER_CACHE_SIZE:
            self.clear()
        if len(name) <= MAX_CACHED_NAME_LENGTH:
            self[name] = handler
        return handler


def forward(head: MessageHead, header: Header) -> None:
    """Handle a header by passing it on."""
    head.forwarded.append(header)


def drop(_head: MessageHead, _header: Header) -> None:
    """Handle a header by leaving it out."""


def nominated_names(value: bytes) -> frozenset[bytes]:
    """Return the header names in the value of a Connection header."""
    return frozenset(word.strip() for word in value.lower().split(b",")) - CONNECTION_OPTIONS


def is_platform_cookie(name: bytes) -> bool:
    """Return whether a cookie is the platform's; containers neither see nor set these."""
    bare = name.strip().lower().removeprefix(b"__host-").removeprefix(b"__secure-")
    return bare.startswith(b"carrel")


def without_tokens(target: bytes) -> bytes:
    """Return the target without query parameters that carry a platform token; otherwise unchanged."""
    # A token in a URL would end in the container's logs.
    if TOKEN_PREFIX not in target:
        return target
    path, mark, query = target.partition(b"?")
    kept = [part for part in query.split(b"&") if not part.partition(b"=")[2].startswith(TOKEN_PREFIX)]
    return path + mark + b"&".join(kept) if kept else path


def status_line(status: int) -> bytes:
    """Return the first line of a response."""
    return STATUS_LINE[status]
