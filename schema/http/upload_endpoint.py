"""The endpoint that receives the content of an upload by PUT and streams it to storage."""

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.errors import BadInput
from resolvers.app_state import AppState
from resolvers.data import uploads as resolve


def upload_endpoint(app_state: AppState) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that receives the content of an upload."""

    async def endpoint(request: Request) -> Response:
        signature = request.query_params.get("signature", "")
        try:
            upload = await resolve.receive(app_state, request.path_params["key"], signature, request.stream())
        except ClientDisconnect:
            raise BadInput("The transfer was interrupted and nothing was stored; send the file again.") from None
        return JSONResponse({"sizeBytes": upload.size_bytes, "sha256": upload.sha256}, 201)

    return endpoint
