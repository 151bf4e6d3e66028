"""The API on a free port, over its own database and Redis, with three users who have tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from carrel.servers import api, listen
from carrel.services import ProcessServices, open_services
from core.settings import Settings
from models.accounts.tokens import TokenKind
from models.accounts.users import User
from models.permissions.principal import SERVICE
from models.services.accounts import tokens as account_tokens
from models.services.accounts import users as accounts_users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import regions

ROLES = {"ada": "builder", "eve": "researcher", "olive": "operator"}


@dataclass(frozen=True)
class Served:
    """A running API with its URL, tokens and users."""

    services: ProcessServices
    port: int
    tokens: Mapping[str, str]
    users: Mapping[str, User]

    @property
    def origin(self) -> str:
        """The URL without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The GraphQL URL."""
        return f"{self.origin}/graphql"

    @property
    def ws(self) -> str:
        """The GraphQL URL for WebSockets."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    def headers(self, name: str | None) -> dict[str, str]:
        """Return the authorization header of a person."""
        return {"authorization": f"Bearer {self.tokens[name]}"} if name else {}

    async def post(self, name: str | None, query: str, /, **variables: Any) -> httpx2.Response:
        """Send a query as a person and return the response."""
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.post(
                self.url, json={"query": query, "variables": variables}, headers=self.headers(name)
            )

    async def ask(self, name: str | None, query: str, /, **variables: Any) -> dict[str, Any]:
        """Send a query as a person and return the decoded response."""
        answer: dict[str, Any] = (await self.post(name, query, **variables)).json()
        return answer

    async def put(self, url: str, content: bytes) -> int:
        """Send a file to an upload URL and return the status."""
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.put(url, content=content)).status_code

    async def get(self, path: str, name: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
        """Request a page or file as a person."""
        url = path if path.startswith("http") else f"{self.origin}{path}"
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.request(method, url, headers={**self.headers(name), **headers})

    async def follow(self, name: str, query: str, /, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield each result of a subscription until it completes."""
        headers = {**self.headers(name), "accept": "text/event-stream"}
        body = {"query": query, "variables": variables}
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("POST", self.url, json=body, headers=headers) as response,
        ):
            async for line in response.aiter_lines():
                if line.startswith("data:") and line[5:].strip():
                    yield json.loads(line[5:])


@asynccontextmanager
async def served_api(settings: Settings) -> AsyncIterator[Served]:
    """Serve the API over a migrated database while the context is open."""
    opened = listen("127.0.0.1", 0, "CARREL_API_URL")
    port = opened.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with open_services(settings.model_copy(update={"api_url": url})) as services:
        await sync_default_roles()
        await regions.ensure("local", 2)
        users = {name: await accounts_users.register(name, None, role=role) for name, role in ROLES.items()}
        tokens = {name: await _token(user) for name, user in users.items()}
        serving = asyncio.create_task(api(services, [opened]))
        try:
            yield Served(services, port, tokens, users)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _token(user: User) -> str:
    _, minted = await account_tokens.mint(
        user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1), name="tests"
    )
    return minted.text
