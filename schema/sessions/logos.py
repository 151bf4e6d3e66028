"""Logos as clients see them, and where browsers load their pixels."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

import strawberry
from starlette.requests import Request
from starlette.responses import Response

from models.services.sessions.workstation_logos import SIDES
from resolvers.app_state import House
from resolvers.sessions import workstation_logos as resolve
from schema.context import Info
from schema.graphql.enums import expose
from schema.graphql.permissions import public

HEADERS = {
    "Cache-Control": "public, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""A logo never changes under its name, and whatever a browser takes it for, nothing in it runs."""


class LogoSize(StrEnum):
    """The sides of the squares that are kept of a logo."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


PIXELS = dict(zip(LogoSize, SIDES, strict=True))
expose(LogoSize, "How large a logo is shown.", {size: f"{side} by {side} pixels." for size, side in PIXELS.items()})
Size = Annotated[LogoSize, strawberry.argument(description="How large.")]


@strawberry.type(description="A picture that stands for a workstation.")
class Logo:
    """Shows a logo."""

    key: strawberry.Private[str]
    width: int = public(description="The width that it was brought with, in pixels.")
    height: int = public(description="The height that it was brought with, in pixels.")

    @public(description="Where a square PNG of it is loaded, what lacks being transparent; good until it changes.")
    def url(self, info: Info, size: Size = LogoSize.MEDIUM) -> str:
        """Return the address."""
        return f"{info.context.home.settings.api_url}/logos/{self.key}/{PIXELS[size]}.png"


def pictures_of(house: House) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the logos' pixels; their names are not to be guessed, so it asks nobody who they are."""

    async def picture(request: Request) -> Response:
        content = await resolve.read(house, request.path_params["key"], request.path_params["side"])
        return Response(content, media_type="image/png", headers=HEADERS)

    return picture
