"""The API's ASGI application: GraphQL, its page and its SDL, signing in, uploads, health."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from core.errors import CarrelError
from models.accounts.users import User
from models.permissions.principal import Principal
from models.services.accounts import denials
from resolvers.app_state import House
from schema.context import Context
from schema.example_queries import TABS
from schema.graphql.sdl import print_sdl
from schema.http.authentication import Credentials
from schema.http.health import health_of
from schema.http.html import bar
from schema.http.metrics import numbers_of
from schema.http.result_files import sender_of
from schema.http.sign_in import Browser, not_found, plain_error
from schema.http.upload_endpoint import receiver_of
from schema.rates import gate_of
from schema.root import schema
from schema.sessions.logos import pictures_of
from schema.transport.graphiql import Explorer, assets
from schema.transport.server import GraphQLServer, MakeContext, Surface

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
