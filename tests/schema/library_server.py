"""Fixtures that serve the sample library on a free port, for tests of the transports and caches."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from core.errors import Unauthenticated
from models.permissions.principal import Principal
from schema.transport.graphiql import Explorer, ExplorerTab, assets
from schema.transport.server import GraphQLServer, ServerOptions
from tests.schema.sample_library import OUTSIDER, READER, build

TOKENS = {"reader": READER, "outsider": OUTSIDER}


@dataclass
class Library:
    """The running server, with the authentication that tests control."""

    port: int = 0
    revoked: asyncio.Event = field(default_factory=asyncio.Event)
    graphql: GraphQLServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def principal_of(self, connection: HTTPConnection) -> Principal | None:
        token = connection.headers.get("authorization", "").removeprefix("Bearer ")
        token = token or connection.cookies.get("carrel", "")
        if token and token not in TOKENS:
            raise Unauthenticated("This token is unknown.")
        return TOKENS.get(token)

    async def until_revoked(self, _principal: Principal) -> None:
        await self.revoked.wait()


@pytest.fixture
def server_options() -> ServerOptions:
    return ServerOptions(uploads=True, operations_per_connection=3, streams_per_caller=4, upload_limit=2 << 20)


@pytest.fixture
async def library(server_options: ServerOptions) -> AsyncIterator[Library]:
    library = Library()
    explorer = Explorer(endpoint="/graphql", assets="/static/graphiql", tabs=[ExplorerTab("hello", "{ hello }")])
    library.graphql = GraphQLServer(
        build(),
        principal_of=library.principal_of,
        until_revoked=library.until_revoked,
        explorer=explorer.page,
        options=server_options,
    )
    app = Starlette(routes=[Mount("/static/graphiql", assets()), Mount("/", library.graphql)])
    config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    library.port = server.servers[0].sockets[0].getsockname()[1]
    yield library
    server.should_exit = server.force_exit = True
    await task
