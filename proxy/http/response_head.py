"""The head of an answer: what of it the browser may see, and how its body ends."""

from collections.abc import Callable

from proxy.http.headers import CONNECTION_WORDS, HOP_BY_HOP, MEMORABLE, MEMORY, Header, reserved

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


class Answer:
    """What one pass over an answer's headers finds; `out` is what the browser may see."""

    length: int | None = None
    chunked = False
    html = False
    nominated: frozenset[bytes] = frozenset()

    def __init__(self, origin: bytes, authority: bytes) -> None:
        self.origin = origin
        self.authority = authority
        self.out: list[Header] = []

    def sendable(self) -> list[Header]:
        """Return the headers for the browser, without those the container nominated for its own hop."""
        if not self.nominated:
            return self.out
        return [header for header in self.out if header[0].lower() not in self.nominated]


Reader = Callable[[Answer, Header], None]


def read(headers: list[Header], origin: bytes, authority: bytes) -> Answer:
    """Read an answer's headers once; `origin` is the session's own, `authority` the container's address."""
    answer = Answer(origin, authority)
    for header in headers:
        reader = _known.get(header[0]) or _remember(header[0])
        reader(answer, header)
    return answer


def _keep(answer: Answer, header: Header) -> None:
    answer.out.append(header)


def _drop(_answer: Answer, _header: Header) -> None:
    pass


def _connection(answer: Answer, header: Header) -> None:
    words = frozenset(word.strip() for word in header[1].lower().split(b","))
    answer.nominated |= words - CONNECTION_WORDS


def _content_length(answer: Answer, header: Header) -> None:
    answer.length = int(header[1])


def _transfer_encoding(answer: Answer, _: Header) -> None:
    answer.chunked = True


def _content_type(answer: Answer, header: Header) -> None:
    answer.html = header[1].lower().startswith((b"text/html", b"application/xhtml"))
    answer.out.append(header)


def _set_cookie(answer: Answer, header: Header) -> None:
    pair, *attributes = header[1].split(b";")
    wide = any(attribute.partition(b"=")[0].strip().lower() == b"domain" for attribute in attributes)
    if not wide and not reserved(pair.partition(b"=")[0]):
        answer.out.append(header)


def _location(answer: Answer, header: Header) -> None:
    scheme, mark, rest = header[1].partition(b"://")
    authority, slash, path = rest.partition(b"/")
    if mark and scheme.lower() in (b"http", b"https") and authority == answer.authority:
        header = (header[0], answer.origin + slash + path)
    answer.out.append(header)


def _allow_origin(answer: Answer, header: Header) -> None:
    """No page but the session's own may read an answer."""
    if header[1].strip() == answer.origin:
        answer.out.append(header)


READERS: dict[bytes, Reader] = {
    b"connection": _connection,
    b"content-type": _content_type,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"set-cookie": _set_cookie,
    b"location": _location,
    b"content-location": _location,
    b"access-control-allow-origin": _allow_origin,
}

_known: dict[bytes, Reader] = {}


def _remember(name: bytes) -> Reader:
    reader = _reader(name.lower())
    if len(_known) >= MEMORY:
        _known.clear()
    if len(name) <= MEMORABLE:
        _known[name] = reader
    return reader


def _reader(name: bytes) -> Reader:
    if name in READERS:
        return READERS[name]
    if name in HOP_BY_HOP or name in UNWANTED or name.startswith(UNWANTED_PREFIXES):
        return _drop
    return _keep
