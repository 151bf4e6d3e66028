"""The real API on a free port, over a database and a Redis of the test's own, with people who have tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from carrel.servers import api, listen
from carrel.services import Kernel, open_kernel
from core.settings import Settings
from models.accounts.users import TokenKind, User
from models.permissions.actor import SERVICE
from models.services.accounts import users as accounts_users
from models.services.accounts.roles import sync_default_roles
from models.services.sessions import regions

ROLES = {"ada": "builder", "eve": "researcher", "olive": "operator"}


@dataclass(frozen=True)
class Served:
    """A running API, and what a client needs."""

    kernel: Kernel
    port: int
    tokens: Mapping[str, str]
    users: Mapping[str, User]

    @property
    def origin(self) -> str:
        """Its address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where GraphQL is asked."""
        return f"{self.origin}/graphql"

    @property
    def ws(self) -> str:
        """The same for websockets."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    def headers(self, name: str | None) -> dict[str, str]:
        """Return what makes a request that person's."""
        return {"authorization": f"Bearer {self.tokens[name]}"} if name else {}

    async def post(self, name: str | None, query: str, /, **variables: Any) -> httpx2.Response:
        """Ask in the name of somebody, and return the answer as it is."""
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.post(
                self.url, json={"query": query, "variables": variables}, headers=self.headers(name)
            )

    async def ask(self, name: str | None, query: str, /, **variables: Any) -> dict[str, Any]:
        """Ask in the name of somebody, and return the decoded answer."""
        answer: dict[str, Any] = (await self.post(name, query, **variables)).json()
        return answer

    async def put(self, url: str, content: bytes) -> int:
        """Send a file to an upload's address, and return the status."""
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.put(url, content=content)).status_code

    async def get(self, path: str, name: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
        """Ask for a page or a file in the name of somebody."""
        url = path if path.startswith("http") else f"{self.origin}{path}"
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.request(method, url, headers={**self.headers(name), **headers})

    async def follow(self, name: str, query: str, /, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield each answer of a subscription until it completes."""
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
    async with open_kernel(settings.model_copy(update={"api_url": url})) as kernel:
        await sync_default_roles()
        await regions.ensure("local", 2)
        users = {name: await accounts_users.register(name, None, role=role) for name, role in ROLES.items()}
        tokens = {name: await _token(user) for name, user in users.items()}
        serving = asyncio.create_task(api(kernel, [opened]))
        try:
            yield Served(kernel, port, tokens, users)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _token(user: User) -> str:
    _, minted = await accounts_users.mint_token(
        user.id, TokenKind.API, actor=SERVICE, lifetime=timedelta(hours=1), name="tests"
    )
    return minted.text
