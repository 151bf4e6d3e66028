"""The GraphQL type of logos, and the endpoint that serves their images."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

import strawberry
from starlette.requests import Request
from starlette.responses import Response

from models.services.sessions.workstation_logos import SIDES
from resolvers.app_state import AppState
from resolvers.sessions import workstation_logos as resolve
from schema.context import Info
from schema.graphql.enums import graphql_enum
from schema.graphql.permissions import public

HEADERS = {
    "Cache-Control": "public, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""A logo's URL changes with its content, so it is immutable. The sandbox keeps browsers from running its content."""


class LogoSize(StrEnum):
    """The sizes in which a logo is stored."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


PIXELS = dict(zip(LogoSize, SIDES, strict=True))
graphql_enum(
    LogoSize, "The size of a logo image.", {size: f"{side} by {side} pixels." for size, side in PIXELS.items()}
)
Size = Annotated[LogoSize, strawberry.argument(description="The size.")]


@strawberry.type(description="The logo of a workstation.")
class Logo:
    """The GraphQL type of a logo."""

    key: strawberry.Private[str]
    width: int = public(description="The original width in pixels.")
    height: int = public(description="The original height in pixels.")

    @public(description="The URL of a square PNG with transparent padding. It is valid until the logo changes.")
    def url(self, info: Info, size: Size = LogoSize.MEDIUM) -> str:
        """Return the URL."""
        return f"{info.context.app_state.settings.api_url}/logos/{self.key}/{PIXELS[size]}.png"


def logo_endpoint(app_state: AppState) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that serves logo images. It needs no authentication because the keys cannot be guessed."""

    async def picture(request: Request) -> Response:
        content = await resolve.read(app_state, request.path_params["key"], request.path_params["side"])
        return Response(content, media_type="image/png", headers=HEADERS)

    return picture
