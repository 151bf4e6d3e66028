"""The small Starlette application beside the data path: entry, waiting, ended and refused pages."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy import pages
from proxy.doors import Doors
from proxy.entry import EntryPages
from proxy.options import Options, ProxySettings

ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "MOVE", "COPY", "REPORT"]


def create_app(doors: Doors, settings: ProxySettings | Options) -> Starlette:
    """Return the application; it answers only what the session protocol hands over."""
    options = settings if isinstance(settings, Options) else Options.of(settings)
    entry = EntryPages(doors, options)
    return Starlette(
        routes=[
            Route("/.carrel/enter", entry.enter, methods=["GET"]),
            Route("/.carrel/state", entry.state, methods=["GET"]),
            Route("/.carrel/{rest:path}", _nothing, methods=ANY_METHOD),
            Route("/{rest:path}", entry.answer, methods=ANY_METHOD),
        ],
    )


async def _nothing(request: Request) -> Response:
    return pages.nothing_here(request)
