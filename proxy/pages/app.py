"""The small Starlette application beside the data path: entry, waiting, ended and refused pages."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from proxy.config import Options, ProxySettings
from proxy.directory import Doors
from proxy.pages import html
from proxy.pages.sign_in import EntryPages

Endpoint = Callable[[Request], Awaitable[Response]]


class AnyMethod:
    """An endpoint for every method there is."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def create_app(doors: Doors, settings: ProxySettings | Options) -> Starlette:
    """Return the application; it answers only what the session protocol hands over."""
    options = settings if isinstance(settings, Options) else Options.of(settings)
    entry = EntryPages(doors, options)
    return Starlette(
        routes=[
            Route("/.carrel/enter", entry.enter, methods=["GET"]),
            Route("/.carrel/state", entry.state, methods=["GET"]),
            Route("/.carrel/ping", _ping, methods=["GET"]),
            Route("/.carrel/{rest:path}", AnyMethod(_nothing)),
            Route("/{rest:path}", AnyMethod(entry.answer)),
        ],
    )


async def _ping(_: Request) -> Response:
    """Answer any page at once, for whoever measures how far away this proxy is."""
    anybody = {"Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*"}
    return Response(status_code=204, headers={**html.COMMON, **anybody})


async def _nothing(request: Request) -> Response:
    return html.nothing_here(request)
