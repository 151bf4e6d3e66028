"""The API served on its own port, and a client for each of the sample people."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from carrel.services import ProcessServices
from models.accounts.tokens import TokenKind
from schema.graphql.node import encode
from tests.people import People

COOKIE = "carrel-browser"
CSRF_HEADER = {"X-Carrel-CSRF": "1"}


@dataclass(frozen=True)
class ApiResponse:
    """A GraphQL response."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        """The value of the only root field. Asserts that there are no errors."""
        assert not self.body.get("errors"), self.body
        (value,) = self.body["data"].values()
        return value

    @property
    def code(self) -> str | None:
        """The code of the first error of the operation or payload, or None."""
        for error in self.body.get("errors") or ():
            return str(error["extensions"]["code"])
        for value in (self.body.get("data") or {}).values():
            for error in (value or {}).get("errors", ()) if isinstance(value, dict) else ():
                return str(error["code"])
        return None

    @property
    def path(self) -> list[str] | None:
        """The input path of the payload's first error."""
        (value,) = self.body["data"].values()
        found: list[str] | None = value["errors"][0]["path"]
        return found


@dataclass
class Api:
    """The served application and its callers."""

    services: ProcessServices
    people: People
    http: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    async def headers(self, name: str | None) -> dict[str, str]:
        """Return the authorization header of a person; None is an anonymous caller."""
        if name is None:
            return {}
        if name not in self.tokens:
            self.tokens[name] = await self.people.token(name)
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    async def ask(self, name: str | None, query: str, /, **variables: Any) -> ApiResponse:
        """Send a query as a person."""
        body = {"query": query, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers=await self.headers(name))
        return ApiResponse(response.status_code, response.json())

    @asynccontextmanager
    async def follow(self, name: str, query: str, /, **variables: Any) -> AsyncGenerator["Stream", None]:
        """Open a subscription as a person, over server-sent events."""
        headers = {**await self.headers(name), "Accept": "text/event-stream"}
        body = {"query": query, "variables": variables}
        async with self.http.stream("POST", "/graphql", json=body, headers=headers) as response:
            assert response.status_code == 200
            async with aclosing(response.aiter_lines()) as lines:
                yield Stream(lines)

    async def sign_in(self, name: str) -> dict[str, str]:
        """Return a new browser cookie of a person."""
        return {COOKIE: await self.people.token(name, TokenKind.BROWSER)}

    def id(self, kind: str, thing: Any) -> str:
        """Return the global ID of a row or key."""
        return str(encode(kind, thing if isinstance(thing, int) else thing.pk))


@dataclass
class Stream:
    """A running subscription."""

    lines: AsyncGenerator[str, None]

    async def next(self) -> dict[str, Any] | None:
        """Return the next result, or None at the end."""
        event = ""
        async for line in self.lines:
            if line.startswith("event:"):
                event = line[6:].strip()
            if event == "complete":
                return None
            if event == "next" and line.startswith("data:"):
                found: dict[str, Any] = json.loads(line[5:])
                return found
        return None

    async def value(self) -> Any:
        """Return the value of the only root field of the next result."""
        result = await self.next()
        assert result is not None, "the stream has ended"
        assert not result.get("errors"), result
        (value,) = result["data"].values()
        return value
