"""An example workstation without dependencies: a page, a call to Carrel's API, and endpoints for tests of the proxy."""

import asyncio
import hashlib
import html
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl, urlsplit

import websocket

PAGE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
CHUNK = bytes(range(256)) * 256
FACTS = ("session_id", "session_url", "expires_at")
API_SECONDS = 5


class WorkstationHandler(BaseHTTPRequestHandler):
    """Handles one request; each path has a method of its own."""

    protocol_version = "HTTP/1.1"
    server_version = "workstation"

    def do_GET(self) -> None:
        """Answer a GET."""
        path = urlsplit(self.path).path
        pages = {
            "/": self._redirect,
            "/app/": self._page,
            "/healthz": self._health,
            "/echo-headers": self._headers,
            "/viewer": self._viewer,
            "/big": self._big,
            "/sse": self._events,
            "/crash": self._crash,
        }
        pages.get(path, self._missing)()

    def do_POST(self) -> None:
        """Answer a POST: return the size and hash of the upload."""
        if urlsplit(self.path).path != "/upload":
            self._missing()
            return
        size, digest = 0, hashlib.sha256()
        for chunk in self._body():
            size += len(chunk)
            digest.update(chunk)
        self._json({"bytes": size, "sha256": digest.hexdigest()})

    def _redirect(self) -> None:
        self._send(b"", "text/plain", HTTPStatus.FOUND, {"Location": "/app/"})

    def _page(self) -> None:
        facts = {name: html.escape(os.environ.get(f"CARREL_{name.upper()}", "unknown")) for name in FACTS}
        self._send(PAGE.substitute(facts).encode(), "text/html; charset=utf-8")

    def _health(self) -> None:
        self._json({"status": "ok"})

    def _headers(self) -> None:
        self._json({"path": self.path, "headers": self.headers.items()})

    def _viewer(self) -> None:
        self._json(ask("{ viewer { username } }"))

    def _big(self) -> None:
        """Stream `?bytes=` bytes."""
        left = int(dict(parse_qsl(urlsplit(self.path).query)).get("bytes", 1_000_000))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left > 0:
            self.wfile.write(CHUNK[:left])
            left -= len(CHUNK)

    def _events(self) -> None:
        """Send `?count=` events, `?pause=` seconds apart."""
        query = dict(parse_qsl(urlsplit(self.path).query))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(int(query.get("count", 10))):
            self.wfile.write(b"id: %d\ndata: %s\n\n" % (number, str(time.time()).encode()))
            self.wfile.flush()
            time.sleep(float(query.get("pause", 1)))
        self.close_connection = True

    def _crash(self) -> None:
        self._send(b"Crashing.\n", "text/plain")
        self.wfile.flush()
        sys.stderr.write("The workstation crashes, as it was asked to.\n")
        sys.stderr.flush()
        os._exit(3)

    def _missing(self) -> None:
        self.close_connection = True
        self._send(b"There is no such page.\n", "text/plain", HTTPStatus.NOT_FOUND)

    def _json(self, content: object) -> None:
        self._send(json.dumps(content).encode(), "application/json")

    def _send(
        self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> Iterator[bytes]:
        """Yield the request's body, chunked or with a Content-Length."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (chunk := self.rfile.read(min(left, len(CHUNK)))):
            left -= len(chunk)
            yield chunk


def ask(query: str) -> dict[str, object]:
    """Query Carrel's API with the session's token; return a failure as {"error"}."""
    request = urllib.request.Request(  # noqa: S310 Carrel sets the address.
        os.environ.get("CARREL_API_URL", "http://host.docker.internal:8080/graphql"),
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('CARREL_TOKEN', '')}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=API_SECONDS) as response:  # noqa: S310
            return dict(json.load(response))
    except urllib.error.HTTPError as error:
        return {"error": f"The API answered {error.code}."}
    except (OSError, ValueError) as error:
        return {"error": f"The API is not reachable: {error}"}


def main() -> None:
    """Serve pages and websockets until the container is stopped."""
    http_port = int(os.environ.get("CARREL_HTTP_PORT", "8080"))
    websocket_port = int(os.environ.get("CARREL_WEBSOCKET_PORT", "4114"))
    server = ThreadingHTTPServer(("", http_port), WorkstationHandler)
    server.daemon_threads = True
    if websocket_port == http_port:
        sys.stdout.write(f"Pages on {http_port}; websockets need a port of their own and are disabled\n")
        server.serve_forever()
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"Pages on {http_port}, websockets on {websocket_port}\n")
    asyncio.run(_websockets(websocket_port))


async def _websockets(port: int) -> None:
    async with await websocket.serve(port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
