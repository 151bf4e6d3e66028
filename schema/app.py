"""The API's ASGI application: GraphQL, its page and its SDL, signing in, uploads, health."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from core.errors import CarrelError
from models.accounts import User
from models.principal import Principal
from models.services import denials
from resolvers.house import House
from schema.browser import Browser, not_found, plain_error
from schema.context import Context
from schema.core.graphiql import Explorer, assets
from schema.core.sdl import print_sdl
from schema.core.server import GraphQLServer, MakeContext, Surface
from schema.credentials import Credentials
from schema.health import health_of
from schema.numbers import numbers_of
from schema.pages import bar
from schema.pictures import pictures_of
from schema.rates import gate_of
from schema.receiving import receiver_of
from schema.root import schema
from schema.sending import sender_of
from schema.walk import TABS

SDL = print_sdl(schema)


def create_app(house: House, surface: Surface | None = None) -> Starlette:
    """Return the application over an open house; `surface` says how it meets its clients, where not as usual."""
    credentials = Credentials(house.settings.api_url, house.bus, house.closing)
    browser = Browser(house, credentials)
    server = GraphQLServer(
        schema,
        principal_of=credentials.principal_of,
        until_revoked=credentials.until_revoked,
        make_context=_contexts(house, credentials),
        surface=replace(surface or Surface(), allowed_origins=(house.settings.api_url,)),
    )
    explorer = Explorer(endpoint="/graphql", assets="/assets/graphiql", tabs=TABS)

    return Starlette(
        routes=[
            Route("/", _front_of(explorer, credentials)),
            Route("/graphql", server),
            WebSocketRoute("/graphql", server),
            Route("/schema.graphql", _sdl),
            Mount("/assets/graphiql", assets()),
            Route("/sign-in", browser.sign_in_page, methods=["GET"]),
            Route("/sign-in", browser.sign_in, methods=["POST"]),
            Route("/sign-out", browser.sign_out, methods=["POST"]),
            Route("/enter", browser.enter, methods=["GET"]),
            Route("/uploads/{key:int}", receiver_of(house), methods=["PUT"]),
            Route("/logos/{key}/{side:int}.png", pictures_of(house)),
            Route("/results/{result}/{name}", sender_of(house, credentials), methods=["GET"]),
            Route("/health", health_of(house)),
            Route("/metrics", numbers_of(house, credentials)),
        ],
        exception_handlers={CarrelError: plain_error, 404: not_found},
    )


def _contexts(house: House, credentials: Credentials) -> MakeContext:
    gate = gate_of(house)

    def make(principal: Principal | None, connection: HTTPConnection) -> Context:
        return Context(
            principal=principal,
            connection=connection,
            house=house,
            gate=gate,
            renew=credentials.renewed,
            note=denials.record_fields,
        )

    return make


def _front_of(explorer: Explorer, credentials: Credentials) -> Callable[[Request], Awaitable[Response]]:
    async def front(request: Request) -> Response:
        signed_in = await credentials.principal_of(request)
        if signed_in is None:
            return RedirectResponse("/sign-in", 303)
        return explorer.page(request, bar((await User.get(id=signed_in.user_id)).username))

    return front


async def _sdl(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse(SDL)
