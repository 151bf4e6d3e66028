"""The baseline of bench.graphql: a tuned plain Strawberry app over the same tables, without Carrel's features.

It has uvloop, httptools, orjson, parser and validation caches and loaders. It has no authentication, permissions,
limits, connections or error handling.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types.info import Info

from models.accounts import users as accounts_users
from models.sessions import images, sessions


@strawberry.type
class Image:
    """An image."""

    id: int
    state: str
    http_port: int


@strawberry.type
class User:
    """A user."""

    id: int
    username: str
    display_name: str


@strawberry.type
class Session:
    """A session."""

    id: int
    state: str
    created_at: datetime
    expires_at: datetime
    maximum_seconds: int
    image_id: strawberry.Private[int]
    creator_id: strawberry.Private[int]

    @strawberry.field
    async def image(self, info: Info) -> Image:
        """Load it."""
        return await info.context["images"].load(self.image_id)  # type: ignore[no-any-return]

    @strawberry.field
    async def creator(self, info: Info) -> User:
        """Load them."""
        return await info.context["users"].load(self.creator_id)  # type: ignore[no-any-return]


@strawberry.type
class Page:
    """A page."""

    nodes: list[Session]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def sessions(self, first: int = 20) -> Page:
        """Read the newest."""
        return Page(nodes=await sessions.Session.all().order_by("-id").limit(first))  # type: ignore[arg-type]

    @strawberry.field
    async def viewer(self) -> User:
        """Read the first user."""
        return await accounts_users.User.get(id=1)  # type: ignore[return-value]


async def _users(keys: Sequence[int]) -> list[Any]:
    found = {row.id: row for row in await accounts_users.User.filter(id__in=list(keys))}
    return [found[key] for key in keys]


async def _images(keys: Sequence[int]) -> list[Any]:
    found = {row.id: row for row in await images.Image.filter(id__in=list(keys))}
    return [found[key] for key in keys]


class Plain(GraphQL[Any, None]):
    """Strawberry's own server with a faster encoder."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return fresh loaders."""
        return {"users": DataLoader(load_fn=_users), "images": DataLoader(load_fn=_images)}

    def encode_json(self, data: object) -> bytes:
        """Write JSON."""
        return orjson.dumps(data)


def create_app() -> Plain:
    """Return the application."""
    return Plain(strawberry.Schema(Query, extensions=[ParserCache, ValidationCache]), graphql_ide=None)
