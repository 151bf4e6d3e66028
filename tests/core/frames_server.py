"""A frame archive for tests on its own port, with per-token frames and configurable failures."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Frames:
    """The frames, the failures and the recorded requests of the archive."""

    content: dict[str, bytes] = field(default_factory=dict)
    readers: dict[str, set[str | None]] = field(default_factory=dict)
    """The tokens that may read a frame; None means every caller."""
    refuses: set[str] = field(default_factory=set)
    failures: int = 0
    """The number of requests answered with 503 before the next success."""
    damaged: int = 0
    """The number of files sent with a wrong byte."""
    cut: int = 0
    """The number of files sent shorter than announced."""
    nonsense: int = 0
    """The number of lists that are not JSON."""
    redirect: str = ""
    """Where every request is redirected."""
    pause: float = 0.0
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, content: bytes, *tokens: str | None) -> None:
        """Add a frame that these tokens may read; every caller, if none is given."""
        self.content[name] = content
        self.readers[name] = set(tokens or (None,))

    @property
    def downloads(self) -> int:
        """The number of downloads."""
        return sum(path.startswith("/files/") for path in self.asked)


@contextmanager
def frames_server() -> Iterator[Frames]:
    """Serve an archive while the context is open."""
    frames = Frames()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # The client was cancelled.
                _answer(self, frames)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    frames.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield frames
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, frames: Frames) -> None:
    parts = urlsplit(request.path)
    header = request.headers.get("Authorization")
    token = header.removeprefix("Token ") if header else None
    frames.asked.append(parts.path)
    frames.tokens.append(token)
    time.sleep(frames.pause)
    if frames.failures:
        frames.failures -= 1
        _send(request, 503, b"later")
    elif frames.redirect:
        _send(request, 302, b"", location=frames.redirect)
    elif token in frames.refuses:
        _send(request, 401, b"who?")
    elif parts.path == "/frames/":
        _list(request, frames, parse_qs(parts.query)["basename_exact"][0], token)
    else:
        _file(request, frames, parts.path.rsplit("/", 1)[-1])


def _list(request: BaseHTTPRequestHandler, frames: Frames, name: str, token: str | None) -> None:
    if frames.nonsense:
        frames.nonsense -= 1
        _send(request, 200, b"<html>maintenance</html>")
        return
    readers = frames.readers.get(name, set())
    results = []
    if token in readers or None in readers:
        md5 = hashlib.md5(frames.content[name], usedforsecurity=False).hexdigest()
        url = f"{frames.url}/files/{name}"
        results = [{"basename": name, "filename": f"{name}.fits", "url": url, "version_set": [{"md5": md5}]}]
    _send(request, 200, json.dumps({"count": len(results), "results": results}).encode())


def _file(request: BaseHTTPRequestHandler, frames: Frames, name: str) -> None:
    content = frames.content[name]
    if frames.damaged:
        frames.damaged -= 1
        content = bytes([content[0] ^ 1]) + content[1:]
    announced = len(content)
    if frames.cut:
        frames.cut -= 1
        content = content[: len(content) // 2]
    _send(request, 200, content, announced)


def _send(
    request: BaseHTTPRequestHandler, status: int, body: bytes, announced: int | None = None, location: str = ""
) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if announced is None else announced))
    if location:
        request.send_header("Location", location)
    request.end_headers()
    request.wfile.write(body)
    request.close_connection = announced is not None
