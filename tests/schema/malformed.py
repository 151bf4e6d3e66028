"""Malformed requests generated from a seed."""

import json
import random
from typing import Any

DOCUMENTS = (
    "{ viewer { username kind rules } }",
    'query A($n: Int = 2) { workstations(first: $n, where: {title: {contains: "a"}}) { nodes { id } totalCount } }',
    'query { node(id: "V29ya3N0YXRpb246MQ") { id ... on Workstation { title images(first: 1) { nodes { id } } } } }',
    'mutation { workstationCreate(input: {title: "x"}) { workstation { id } errors { message } } }',
    'mutation { sessionLaunch(workstationId: "x") { isNew errors { code path } } }',
    "subscription { mySessions { id state } }",
    "query A { ...F } fragment F on Query { sessions { edges { cursor node { id } } } }",
    "{ __schema { types { name fields { name } } } }",
)
PIECES = (
    *'{}()[]$@!:=|&#"\\\n\t \0',
    "...",
    '"""',
    "on",
    "query",
    "mutation",
    "fragment F on F { ...F }",
    "null",
    "-1",
    "1e999",
    "9" * 40,
    "\ufeff",
    "\u202e",
    "\U0001f600",
    "é",
    "__typename",
    "id: id",
    "@skip(if: $a)",
    "@include(if: 1)",
    "first: 101",
    "a" * 300,
)
SCALARS = (None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "\U0001f600", [], {}, [[]], {"": None})
KEYS = ("query", "variables", "operationName", "extensions", "n", "id", "input", "a", "")
MEDIA = (
    "application/json",
    "application/json; charset=utf-16",
    "application/json;;;",
    "application/graphql-response+json",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "",
    'x/y; charset="',
)
ACCEPTS = (
    "application/json",
    "application/graphql-response+json",
    "*/*",
    "text/event-stream;q=0.1, application/json",
    "application/json;q=nan",
    "application/json;q=",
    ",,;;q",
    "image/png",
)
METHODS = ("POST",) * 12 + ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")


class Malformed:
    """A generator of malformed requests; the same seed gives the same requests."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def document(self) -> str:
        """Return a document with pieces inserted, removed, duplicated or swapped."""
        text = self.random.choice(DOCUMENTS)
        for _ in range(self.random.randint(0, 6)):
            at, end = sorted(self.random.randint(0, len(text)) for _ in range(2))
            text = self.random.choice(
                (
                    text[:at] + self.random.choice(PIECES) + text[at:],
                    text[:at] + text[end:],
                    text[:end] + text[at:end] + text[end:],
                    text[:at] + text[at:end][::-1] + text[end:],
                )
            )
        return text

    def value(self, depth: int = 0) -> Any:
        """Return any JSON value."""
        kind = self.random.random()
        if depth > 3 or kind < 0.6:
            return self.random.choice(SCALARS)
        if kind < 0.8:
            return [self.value(depth + 1) for _ in range(self.random.randint(0, 4))]
        return {self.random.choice(KEYS): self.value(depth + 1) for _ in range(self.random.randint(0, 4))}

    def operation(self) -> Any:
        """Return what may stand for an operation: well formed, with odd parameters, or anything at all."""
        kind = self.random.random()
        if kind < 0.5:
            return {"query": self.document()}
        if kind < 0.85:
            return {"query": self.document(), self.random.choice(KEYS): self.value()}
        return self.value()

    def body(self) -> bytes:
        """Return a body: JSON, truncated or changed JSON, deep nesting, or noise."""
        text = json.dumps(self.operation()).encode()
        kind = self.random.random()
        if kind < 0.7:
            return text
        if kind < 0.85:
            at = self.random.randint(0, len(text))
            return text[:at] + self.random.randbytes(self.random.randint(0, 3)) + text[at + 1 :]
        if kind < 0.9:
            return self.random.choice((b"[", b'{"query":', b'{"variables":{"a":')) * self.random.randint(1, 3000)
        return self.random.randbytes(self.random.randint(0, 200))

    def request(self) -> dict[str, Any]:
        """Return the arguments of one HTTP request."""
        odd = self.random.random() < 0.3
        headers = {
            "content-type": self.random.choice(MEDIA) if odd else MEDIA[0],
            "accept": self.random.choice(ACCEPTS),
        }
        if self.random.random() < 0.05:
            headers["content-encoding"] = self.random.choice(("gzip", "br", "x"))
        method = self.random.choice(METHODS)
        wanted: dict[str, Any] = {"method": method, "headers": headers}
        if method == "POST":
            return wanted | {"content": self.body()}
        parameters = {key: self.document() for key in self.random.sample(KEYS, self.random.randint(0, 3))}
        return wanted | {"params": parameters}

    def frames(self) -> list[str | bytes]:
        """Return what a peer sends on one socket."""
        first: list[str | bytes] = [json.dumps({"type": "connection_init"})] if self.random.random() < 0.8 else []
        return first + [self.frame() for _ in range(self.random.randint(1, 8))]

    def frame(self) -> str | bytes:
        """Return one message: of the protocol, with odd members, or noise."""
        kind = self.random.random()
        if kind < 0.6:
            return json.dumps({"type": "subscribe", "id": self.random.choice("12"), "payload": self.operation()})
        if kind < 0.85:
            names = ("connection_init", "ping", "pong", "complete", "next", "subscribe", "", None)
            member = {self.random.choice(("id", "payload", "x")): self.value()}
            return json.dumps({"type": self.random.choice(names), **member})
        text = json.dumps(self.value()) + self.random.choice(("", "{", "\x00"))
        return text if kind < 0.95 else text.encode()
