"""The API's ASGI application: GraphQL with its SDL and GraphiQL page, sign-in, uploads, files, health and metrics."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from core.errors import CarrelError
from core.rate_limit.token_bucket import Bucket, Buckets, InMemoryBuckets, RedisBuckets, WriteBehindBuckets
from core.redis.client import MEMORY_URL
from models.accounts.users import User
from models.services.accounts import denials
from resolvers.app_state import AppState
from schema.context import Context
from schema.example_queries import TABS
from schema.execution.rate_limiter import RateLimiter
from schema.graphql.sdl import print_sdl
from schema.http.authentication import RequestAuthenticator
from schema.http.health import health_endpoint
from schema.http.html import user_bar
from schema.http.metrics import metrics_endpoint
from schema.http.result_files import result_file_endpoint
from schema.http.sign_in import SignInEndpoints, not_found, text_error
from schema.http.upload_endpoint import upload_endpoint
from schema.root import schema
from schema.sessions.workstation_logos import logo_endpoint
from schema.transport.graphiql import Explorer, assets
from schema.transport.server import GraphQLServer, ServerOptions

SDL = print_sdl(schema)


def create_app(app_state: AppState, options: ServerOptions | None = None) -> Starlette:
    """Return the application for an open `app_state`. `options` overrides the default server options."""
    authenticator = RequestAuthenticator(app_state.settings.api_url, app_state.bus, app_state.closing)
    browser = SignInEndpoints(app_state, authenticator)
    server = GraphQLServer(
        schema,
        principal_of=authenticator.principal_of,
        until_revoked=authenticator.until_revoked,
        make_context=partial(
            Context,
            app_state=app_state,
            rate_limiter=create_rate_limiter(app_state),
            reload_principal=authenticator.refresh,
            on_refused=denials.record_fields,
        ),
        options=replace(options or ServerOptions(), allowed_origins=(app_state.settings.api_url,)),
    )
    explorer = Explorer(endpoint="/graphql", assets="/assets/graphiql", tabs=TABS)

    return Starlette(
        routes=[
            Route("/", _front_page(explorer, authenticator)),
            Route("/graphql", server),
            WebSocketRoute("/graphql", server),
            Route("/schema.graphql", _sdl),
            Mount("/assets/graphiql", assets()),
            Route("/sign-in", browser.sign_in_page, methods=["GET"]),
            Route("/sign-in", browser.sign_in, methods=["POST"]),
            Route("/sign-out", browser.sign_out, methods=["POST"]),
            Route("/enter", browser.enter, methods=["GET"]),
            Route("/uploads/{key:int}", upload_endpoint(app_state), methods=["PUT"]),
            Route("/logos/{key}/{side:int}.png", logo_endpoint(app_state)),
            Route("/results/{result}/{name}", result_file_endpoint(app_state, authenticator), methods=["GET"]),
            Route("/health", health_endpoint(app_state)),
            Route("/metrics", metrics_endpoint(app_state, authenticator)),
        ],
        exception_handlers={CarrelError: text_error, 404: not_found},
    )


def create_rate_limiter(app_state: AppState) -> RateLimiter | None:
    """Return the rate limiter for all operations, or None if the settings disable it."""
    settings = app_state.settings
    if not settings.requests_per_minute:
        return None
    buckets: Buckets
    # Without Redis the limits hold for this process alone.
    if settings.redis_url == MEMORY_URL:
        buckets = InMemoryBuckets()
    else:
        buckets = WriteBehindBuckets(RedisBuckets(app_state.redis))
    points, requests = Bucket.per_minute(settings.points_per_minute), Bucket.per_minute(settings.requests_per_minute)
    return RateLimiter(buckets, points, requests)


def _front_page(explorer: Explorer, authenticator: RequestAuthenticator) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        principal = await authenticator.principal_of(request)
        if principal is None:
            return RedirectResponse("/sign-in", 303)
        return explorer.page(request, user_bar((await User.get(id=principal.user_id)).username))

    return endpoint


async def _sdl(request: Request) -> Response:  # noqa: ARG001
    return PlainTextResponse(SDL)
