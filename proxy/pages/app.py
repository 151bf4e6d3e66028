"""The Starlette application of the proxy: sign-in, starting, ended and refused pages. The relay calls it."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.web.redirects import PLATFORM_PATH
from proxy.config import ProxyOptions
from proxy.directory import SessionDirectory
from proxy.pages import html
from proxy.pages.sign_in import SignInPages

Endpoint = Callable[[Request], Awaitable[Response]]


class AnyMethod:
    """An endpoint for all methods; Starlette's routes of functions would refuse unknown ones."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def create_app(directory: SessionDirectory, options: ProxyOptions) -> Starlette:
    """Return the application; it answers only requests that the client connection does not relay."""
    pages = SignInPages(directory, options)
    return Starlette(
        routes=[
            Route(f"{PLATFORM_PATH}enter", pages.enter, methods=["GET"]),
            Route(f"{PLATFORM_PATH}state", pages.state, methods=["GET"]),
            Route(f"{PLATFORM_PATH}ping", _ping, methods=["GET"]),
            Route(PLATFORM_PATH + "{rest:path}", AnyMethod(_no_session_host)),
            Route("/{rest:path}", AnyMethod(pages.answer)),
        ],
    )


async def _ping(_: Request) -> Response:
    # Pages of any origin may measure the round trip to this proxy, to choose the nearest region.
    any_origin = {"Access-Control-Allow-Origin": "*", "Timing-Allow-Origin": "*"}
    return Response(status_code=204, headers={**html.COMMON_HEADERS, **any_origin})


async def _no_session_host(_: Request) -> Response:
    return html.no_session_host()
