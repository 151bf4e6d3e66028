"""A small client of the public API, for the demo and for scripts; uses the standard library only."""

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from core.errors import CarrelError, Unavailable

TIMEOUT_SECONDS = 60.0


class ClientRefused(CarrelError):
    """The server refused a request; the message is the server's."""

    code = "REFUSED"


@dataclass(frozen=True)
class Client:
    """Sends requests to the GraphQL endpoint `url` with a token, one at a time; `close` is thread-safe."""

    url: str
    token: str
    _sockets: list[socket.socket] = field(default_factory=list)
    _closed: Event = field(default_factory=Event)

    def close(self) -> None:
        """Abort the current request and refuse further ones."""
        self._closed.set()
        for opened in list(self._sockets):
            opened.shutdown(socket.SHUT_RDWR)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query or mutation; ClientRefused has the first error of the response or its payload."""
        with self._post(query, variables, "application/json") as response:
            answer = json.loads(response.read())
        for error in answer.get("errors", ()):
            raise ClientRefused(error["message"])
        data: dict[str, Any] = answer["data"]
        for payload in data.values():
            for error in (payload or {}).get("errors", ()) if isinstance(payload, dict) else ():
                raise ClientRefused(error["message"])
        return data

    def follow(self, query: str, **variables: Any) -> Iterator[dict[str, Any]]:
        """Yield the data of a subscription, over server-sent events, until it completes."""
        with self._post(query, variables, "text/event-stream") as response:
            event = ""
            for line in (raw.decode().rstrip("\r\n") for raw in response):
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "next":
                    yield _data(json.loads(line[5:]))
                elif event == "complete":
                    return

    def put(self, address: str, file: Path) -> dict[str, Any]:
        """Upload a file to an upload's address and return the stored upload."""
        with file.open("rb") as source:
            headers = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"}
            with self._request("PUT", address, source, headers) as response:
                body = response.read()
        if response.status != 201:
            raise ClientRefused(body.decode(errors="replace").strip())
        stored: dict[str, Any] = json.loads(body)
        return stored

    def _post(self, query: str, variables: Mapping[str, Any], accept: str) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept": accept}
        body = json.dumps({"query": query, "variables": variables}).encode()
        return self._request("POST", self.url, body, headers)

    def _request(self, method: str, address: str, body: Any, headers: Mapping[str, str]) -> HTTPResponse:
        parts = urlsplit(address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            connection.connect()
            self._sockets[:] = [connection.sock]
            if self._closed.is_set():
                raise ConnectionAbortedError("the client was closed")
            connection.request(method, path, body, {**headers, "Connection": "close"})
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            raise Unavailable(f"{parts.scheme}://{parts.netloc} does not answer ({error}).") from error


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    for error in answer.get("errors", ()):
        raise ClientRefused(error["message"])
    data: dict[str, Any] = answer["data"]
    return data
