"""Where announced uploads are sent: PUT, as they are, streamed to storage."""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.errors import BadInput
from resolvers.app_state import House
from resolvers.data import uploads as resolve


def receiver_of(house: House) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that takes the bytes of an upload."""

    async def receive(request: Request) -> Response:
        signature = request.query_params.get("signature", "")
        try:
            upload = await resolve.receive(house, request.path_params["key"], signature, request.stream())
        except ClientDisconnect:
            raise BadInput("The transfer broke off; nothing was kept, send the file again.") from None
        return JSONResponse({"sizeBytes": upload.size_bytes, "sha256": upload.sha256}, 201)

    return receive
