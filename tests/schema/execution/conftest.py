"""The library served by a real server on a free port."""

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
from schema.transport.graphiql import Explorer, Tab, assets
from schema.transport.server import GraphQLServer, Surface
from tests.schema.execution.sample_library import NOBODY, READER, build

TOKENS = {"reader": READER, "nobody": NOBODY}


@dataclass
class Library:
    """The running server, and the hand on its doors."""

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
        given = connection.headers.get("authorization", "").removeprefix("Bearer ")
        given = given or connection.cookies.get("carrel", "")
        if given and given not in TOKENS:
            raise Unauthenticated("This token is not known.")
        return TOKENS.get(given)

    async def until_revoked(self, _principal: Principal) -> None:
        await self.revoked.wait()


@pytest.fixture
def surface() -> Surface:
    return Surface(uploads=True, operations_per_connection=3, streams_per_caller=4, upload_limit=2 << 20)


@pytest.fixture
async def library(surface: Surface) -> AsyncIterator[Library]:
    served = Library()
    explorer = Explorer(endpoint="/graphql", assets="/static/graphiql", tabs=[Tab("hello", "{ hello }")])
    served.graphql = GraphQLServer(
        build(),
        principal_of=served.principal_of,
        until_revoked=served.until_revoked,
        explorer=explorer.page,
        surface=surface,
    )
    app = Starlette(routes=[Mount("/static/graphiql", assets()), Mount("/", served.graphql)])
    config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    served.port = server.servers[0].sockets[0].getsockname()[1]
    yield served
    server.should_exit = server.force_exit = True
    await task
